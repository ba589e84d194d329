"""Answers have the shape of recorded ones: the same fields with the same JSON types, recursively.

A field must be there in every row, with a type that the recording shows for it; a field that was
recorded with several types (a string or null) may have any of them.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.faults import Status
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.sandbox.wire.venues.edgex import contract_id
from funding_platform_tests.sandbox.conftest import NOW

BINANCE, BYBIT, OKX = "/binance/fapi/v1", "/bybit/v5/market", "/okx/api/v5"
LIGHTER, EXTENDED, BACKPACK = "/lighter/api/v1", "/extended/api/v1/info", "/backpack/api/v1"
EDGEX, ASTER = "/edgex/api/v2/public", "/aster/fapi/v1"
BTC = f"contractId={contract_id('BTCUSDC')}"
LINEAR = "category=linear&symbol=BTCUSDT"
CHART = (
    "/deribit/api/v2/public/get_tradingview_chart_data?instrument_name=BTC-PERPETUAL&resolution=60"
    f"&end_timestamp={to_ms(NOW)}"
)
YESTERDAY = to_ms(NOW - timedelta(days=1))
LAST_DAY = (
    f"market_id=0&resolution=1h&count_back=0&start_timestamp={YESTERDAY}&end_timestamp={to_ms(NOW)}"
)
TEN = "interval=PT1H&limit=10"
WITHIN = f"start_at={YESTERDAY}&end_at={to_ms(NOW)}"
SINCE = f"interval=1h&startTime={YESTERDAY // 1000}"
LATEST = f"startTime={to_ms(NOW - timedelta(hours=5))}&endTime={to_ms(NOW)}"


def get(path: str) -> tuple[str, str, None]:
    return ("GET", path, None)


def info(kind: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    return ("POST", "/hyperliquid/info", {"type": kind, **more})


def grvt(method: str, **body: Any) -> tuple[str, str, dict[str, Any]]:
    return ("POST", f"/grvt/full/v1/{method}", body)


WHOLE = {
    "binance/docs-bookTicker": get(f"{BINANCE}/ticker/bookTicker?symbol=BTCUSDT"),
    "binance/docs-fundingInfo-full": get(f"{BINANCE}/fundingInfo"),
    "binance/docs-openInterest": get(f"{BINANCE}/openInterest?symbol=BTCUSDT"),
    "binance/docs-premiumIndex-single": get(f"{BINANCE}/premiumIndex?symbol=BTCUSDT"),
    "binance/docs-ticker24hr-full": get(f"{BINANCE}/ticker/24hr?symbol=BTCUSDT"),
    "binance/exchangeInfo-full-testnet": get(f"{BINANCE}/exchangeInfo"),
    "binance/fundingRate-BTCUSDT": get(f"{BINANCE}/fundingRate?symbol=BTCUSDT"),
    "binance/premiumIndex": get(f"{BINANCE}/premiumIndex"),
    "binance/candles-trade-BTCUSDT-1h": get(f"{BINANCE}/klines?symbol=BTCUSDT&interval=1h"),
    "binance/candles-mark-BTCUSDT-1h-unfinished": get(
        f"{BINANCE}/markPriceKlines?symbol=BTCUSDT&interval=1h"
    ),
    "binance/docs-candles-index": get(f"{BINANCE}/indexPriceKlines?pair=BTCUSDT&interval=1h"),
    "binance/candles-spot-BTCUSDT-1h": get("/binance/api/v3/klines?symbol=BTCUSDT&interval=1h"),
    "binance/candles-oi-BTCUSDT-1h": get(
        "/binance/futures/data/openInterestHist?symbol=BTCUSDT&period=1h"
    ),
    "bybit/candles-trade-BTCUSDT-1h": get(f"{BYBIT}/kline?{LINEAR}&interval=60"),
    "bybit/candles-mark-BTCUSDT-1h": get(f"{BYBIT}/mark-price-kline?{LINEAR}&interval=60"),
    "bybit/docs-candles-index": get(f"{BYBIT}/index-price-kline?{LINEAR}&interval=60"),
    "bybit/candles-spot-BTCUSDT-1h": get(f"{BYBIT}/kline?category=spot&symbol=BTCUSDT&interval=60"),
    "bybit/docs-candles-trade-inverse": get(
        f"{BYBIT}/kline?category=inverse&symbol=BTCUSD&interval=60"
    ),
    "bybit/docs-candles-oi-inverse": get(
        f"{BYBIT}/open-interest?category=inverse&symbol=BTCUSD&intervalTime=1h"
    ),
    "bybit/docs-open-interest-inverse": get(
        f"{BYBIT}/open-interest?category=inverse&symbol=BTCUSD&intervalTime=1d"
    ),
    "bybit/funding-history-BTCUSDT": get(f"{BYBIT}/funding/history?category=linear&symbol=BTCUSDT"),
    "bybit/instruments-info-linear": get(f"{BYBIT}/instruments-info?category=linear"),
    "bybit/tickers-linear": get(f"{BYBIT}/tickers?category=linear"),
    "okx/candles-trade-BTC-USDT-SWAP-1H": get(
        f"{OKX}/market/history-candles?instId=BTC-USDT-SWAP&bar=1H"
    ),
    "okx/candles-mark-BTC-USDT-SWAP-1H": get(
        f"{OKX}/market/history-mark-price-candles?instId=BTC-USDT-SWAP&bar=1H"
    ),
    "okx/funding-rate-ANY": get(f"{OKX}/public/funding-rate?instId=ANY"),
    "okx/funding-rate-history-BTC-USDT-SWAP": get(
        f"{OKX}/public/funding-rate-history?instId=BTC-USDT-SWAP"
    ),
    "okx/instruments-SWAP": get(f"{OKX}/public/instruments?instType=SWAP"),
    "okx/mark-price-SWAP": get(f"{OKX}/public/mark-price?instType=SWAP"),
    "okx/open-interest-SWAP": get(f"{OKX}/public/open-interest?instType=SWAP"),
    "okx/tickers-SWAP": get(f"{OKX}/market/tickers?instType=SWAP"),
    "deribit/candles-trade-BTC-PERPETUAL-1h": get(f"{CHART}&start_timestamp=0"),
    "deribit/candles-no_data": get(f"{CHART}&start_timestamp={to_ms(NOW) - 1}"),
    "hyperliquid/candles-trade-BTC-1h": info(
        "candleSnapshot", req={"coin": "BTC", "interval": "1h", "startTime": 0}
    ),
    "hyperliquid/fundingHistory-BTC": info("fundingHistory", coin="BTC", startTime=0),
    "hyperliquid/metaAndAssetCtxs": info("metaAndAssetCtxs"),
    "hyperliquid/predictedFundings-jun2026-row": info("predictedFundings"),
    "lighter/docs-candles-trade-shape": get(f"{LIGHTER}/candles?{LAST_DAY}"),
    "lighter/docs-candles-null-shape": get(
        f"{LIGHTER}/candles?market_id=0&resolution=1h&start_timestamp=1&end_timestamp=2&count_back=0"
    ),
    "extended/candles-trade-BTC-USD-1m-empty": get(f"{EXTENDED}/candles/BTC-USD/trades?{TEN}"),
    "extended/docs-candles-mark": get(f"{EXTENDED}/candles/BTC-USD/mark-prices?{TEN}"),
    "extended/docs-candles-oi": get(f"{EXTENDED}/BTC-USD/open-interests?{LATEST}&interval=P1H"),
    "paradex/candles-trade-BTC-USD-PERP-1m": get(
        f"/paradex/v1/markets/klines?symbol=BTC-USD-PERP&resolution=60&{WITHIN}"
    ),
    "edgex/docs-candles-getKline-v1": get(
        f"{EDGEX}/quote/getKline?{BTC}&klineType=HOUR_1&priceType=LAST_PRICE"
    ),
    "grvt/candles-trade-BTC_USDT_Perp-1h": grvt(
        "kline", instrument="BTC_USDT_Perp", interval="CI_1_H", type="TRADE"
    ),
    "backpack/candles-spot-SOL_USDC-1m": get(f"{BACKPACK}/klines?symbol=SOL_USDC&{SINCE}"),
    "backpack/docs-candles-3m": get(f"{BACKPACK}/klines?symbol=BTC_USDC_PERP&{SINCE}"),
    "drift/candles-trade-oracle-BTC-PERP-1m": get("/drift/market/BTC-PERP/candles/60?limit=9"),
    "lighter/funding-rates": get(f"{LIGHTER}/funding-rates"),
    "lighter/fundings-BTC": get(
        f"{LIGHTER}/fundings?market_id=0&resolution=1h&start_timestamp=0"
        f"&end_timestamp={to_ms(NOW) // 1000}&count_back=0"
    ),
    "lighter/orderBooks-may2026": get(f"{LIGHTER}/orderBooks"),
    "extended/docs-funding-paginated": get(f"{EXTENDED}/BTC-USD/funding?{LATEST}&limit=1"),
    "extended/docs-open-interests": get(
        f"{EXTENDED}/BTC-USD/open-interests?{LATEST}&interval=PT1H"
    ),
    "extended/funding-BTC-USD": get(f"{EXTENDED}/BTC-USD/funding?{LATEST}"),
    "extended/info-markets": get(f"{EXTENDED}/markets"),
    "backpack/fundingRates-BTC_USDC_PERP": get(f"{BACKPACK}/fundingRates?symbol=BTC_USDC_PERP"),
    "backpack/markPrices": get(f"{BACKPACK}/markPrices"),
    "backpack/markets": get(f"{BACKPACK}/markets"),
    "backpack/openInterest": get(f"{BACKPACK}/openInterest"),
    "backpack/tickers": get(f"{BACKPACK}/tickers"),
    "edgex/getFundingRatePage-BTCUSDC": get(
        f"{EDGEX}/funding/getFundingRatePage?{BTC}&size=2&filterSettlementFundingRate=true"
    ),
    "edgex/getLatestFundingRate": get(f"{EDGEX}/funding/getLatestFundingRate?{BTC}"),
    "edgex/getTicker-BTCUSDC": get(f"{EDGEX}/quote/getTicker?{BTC}"),
    "aster/candles-mark-BTCUSDT-1h": get(f"{ASTER}/markPriceKlines?symbol=BTCUSDT&interval=1h"),
    "aster/docs-candles-trade": get("/aster/fapi/v3/klines?symbol=BTCUSDT&interval=1h"),
    "aster/docs-fundingInfo": get(f"{ASTER}/fundingInfo"),
    "aster/fundingRate-BTCUSDT": get(f"{ASTER}/fundingRate?symbol=BTCUSDT"),
    "aster/premiumIndex": get(f"{ASTER}/premiumIndex"),
    "coingecko/derivatives": get("/coingecko/api/v3/derivatives"),
    "grvt/all_instruments": grvt("all_instruments", is_active=True),
    "grvt/funding-BTC_USDT_Perp": grvt("funding", instrument="BTC_USDT_Perp", limit=3),
    "grvt/ticker-BTC_USDT_Perp": grvt("ticker", instrument="BTC_USDT_Perp"),
}
"""Recordings that have every field of the venue's answer."""

TRIMMED = {
    "binance/fundingInfo": get(f"{BINANCE}/fundingInfo"),
    "binance/ticker24hr-slim": get(f"{BINANCE}/ticker/24hr"),
    "edgex/getMetaData": get(f"{EDGEX}/meta/getMetaData"),
    "aster/exchangeInfo-slim": get(f"{ASTER}/exchangeInfo"),
    "aster/ticker24hr-slim": get(f"{ASTER}/ticker/24hr"),
    "lighter/orderBookDetails-slim": get(f"{LIGHTER}/orderBookDetails"),
}
"""Recordings from which fields were dropped: ours have more."""

ERRORS = {
    "binance/docs-error-429": ("binance", 429),
    "bybit/docs-error-10006": ("bybit", 429),
    "okx/docs-error-50011": ("okx", 429),
    "extended/docs-error": ("extended", 500),
}

Shape = dict[str, set[str]]


def shape(node: Any, path: str = "$") -> Shape:
    """JSON types seen at every path; the elements of a list share one path."""
    found: Shape = {path: {type(node).__name__}}
    if isinstance(node, dict):
        children = [(f"{path}.{key}", value) for key, value in node.items()]
    else:
        children = [(f"{path}[]", value) for value in node] if isinstance(node, list) else []
    for child_path, child in children:
        for place, types in shape(child, child_path).items():
            found.setdefault(place, set()).update(types)
    return found


def read(shared_dir: Path, name: str) -> Any:
    path = shared_dir / "venues" / "fixtures" / f"{name}.json"
    return json.loads(path.read_text())


def ask(client: httpx.Client, request: tuple[str, str, Any]) -> Any:
    method, path, body = request
    reply = client.request(method, path, json=body)
    assert reply.status_code == 200
    return reply.json()


OPTIONAL = {"$[].universe[].isDelisted"}
"""Fields that the venue sends with some rows only."""

MORE_TYPES = {"$[][][][]": {"NoneType"}}
"""Types that the contract names and the short recording happens to lack: a venue without a coin."""


@pytest.mark.parametrize("name", WHOLE)
def test_same_shape_as_recorded(client: httpx.Client, shared_dir: Path, name: str) -> None:
    recorded, ours = shape(read(shared_dir, name)), shape(ask(client, WHOLE[name]))
    assert ours.keys() - OPTIONAL == recorded.keys() - OPTIONAL
    for path, types in ours.items():
        assert path in OPTIONAL or types <= recorded[path] | MORE_TYPES.get(path, set()), path


@pytest.mark.parametrize("name", TRIMMED)
def test_fields_of_a_trimmed_recording(client: httpx.Client, shared_dir: Path, name: str) -> None:
    recorded, ours = shape(read(shared_dir, name)), shape(ask(client, TRIMMED[name]))
    for path, types in recorded.items():
        assert ours[path] <= types, path


@pytest.mark.parametrize("name", ERRORS)
def test_error_bodies(
    client: httpx.Client, sandbox: RunningSandbox, shared_dir: Path, name: str
) -> None:
    venue, status = ERRORS[name]
    sandbox.inject(Status(venue=venue, status=status))
    reply = client.get(f"/{venue}/anything")
    assert reply.status_code == status
    recorded = read(shared_dir, name)
    assert shape(reply.json()) == shape(recorded)
    for code in ("code", "retCode", "status"):
        assert reply.json().get(code) == recorded.get(code)
