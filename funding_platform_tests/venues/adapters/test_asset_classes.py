"""What each venue says of the class of its instruments, from answers as it gives them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from funding_platform.settings import Settings
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.server import Answer, Params, Routes, serve

INFO = "/fapi/v1/exchangeInfo"


def symbol(name: str, kind: str = "PERPETUAL", **said: Any) -> dict[str, Any]:
    """A row of exchangeInfo."""
    return {"symbol": f"{name}USDT", "status": "TRADING", "contractType": kind,
            "baseAsset": name, "quoteAsset": "USDT", "marginAsset": "USDT", **said}  # fmt: skip


BINANCE = [
    symbol("BTC", underlyingType="COIN", underlyingSubType=["PoW"]),
    symbol("BTCDOM", underlyingType="INDEX", underlyingSubType=["Index"]),
    symbol("TSLA", "TRADIFI_PERPETUAL", underlyingType="EQUITY", underlyingSubType=["TradFi"]),
    symbol("HYUNDAI", "TRADIFI_PERPETUAL", underlyingType="KR_EQUITY"),
    symbol("XAU", "TRADIFI_PERPETUAL", underlyingType="COMMODITY"),
    symbol("NATGAS", "TRADIFI_PERPETUAL", underlyingType="COMMODITY"),
    symbol("NEWTHING", "TRADIFI_PERPETUAL", underlyingType="SOMETHING"),
]
ASTER = [
    symbol("BTC", underlyingType="COIN", underlyingSubType=["Top"], symbolType=0),
    symbol("NVDA", underlyingType="COIN", underlyingSubType=["STOCK"], symbolType=1),
    symbol("QQQ", underlyingType="COIN", underlyingSubType=["ETF"], symbolType=1),
    symbol("XAU", underlyingType="COIN", underlyingSubType=["Commodities"], symbolType=1),
    symbol("NEWTHING", underlyingType="COIN", underlyingSubType=[], symbolType=1),
]


def bybit(params: Params) -> Answer:
    rows = [
        {"symbol": f"{base}USDT", "contractType": "LinearPerpetual", "status": "Trading",
         "baseCoin": base, "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "0",
         "fundingInterval": 480, "priceFilter": {}, "lotSizeFilter": {}, **said}
        for base, said in {
            "BTC": {"symbolType": ""},
            "NEWCOIN": {"symbolType": "innovation"},
            "AMDSTOCK": {"symbolType": "stock"},
            "EURUSD": {"symbolType": "forex"},
            "OLD": {},
        }.items()
    ]  # fmt: skip
    linear = params["category"] == "linear"
    return Answer({"retCode": 0, "result": {"list": rows if linear else [], "nextPageCursor": ""}})


def backpack(base: str, market_type: str | None) -> dict[str, Any]:
    return {"symbol": f"{base}_USDC_PERP", "baseSymbol": base, "quoteSymbol": "USDC",
            "orderBookState": "Open", "marketType": "PERP", "fundingInterval": 3_600_000,
            "filters": {"price": {}, "quantity": {}}, "rwaMarketType": market_type}  # fmt: skip


def edgex(number: int, base: str, **flags: bool) -> dict[str, Any]:
    return {"contractId": str(number), "contractName": f"{base}USD", "baseCoinId": base,
            "quoteCoinId": "1000", "fundingRateIntervalMin": "240", "enableTrade": True,
            "enableDisplay": True, "enableOpenPosition": True, **flags}  # fmt: skip


EDGEX = {
    "code": "SUCCESS",
    "data": {
        "coinList": [
            {"coinId": name, "coinName": name} for name in ("BTC", "TSLA", "EURUSD", "XAU")
        ]
        + [{"coinId": "1000", "coinName": "USDC"}],
        "contractList": [
            edgex(1, "BTC", isStock=False, isFx=False),
            edgex(2, "TSLA", isStock=True, isFx=False),
            edgex(3, "EURUSD", isStock=False, isFx=True),
            edgex(4, "XAU", isStock=False, isFx=False),
        ],
    },
}


def instruments(venue: str, routes: Routes, settings: Settings) -> pl.DataFrame:
    async def run() -> pl.DataFrame:
        async with (
            serve(routes) as router,
            open_venue(venue, router.url, settings=settings) as opened,
        ):
            return await opened.instruments()

    return asyncio.run(run())


CASES: Mapping[str, tuple[Routes, dict[str, str | None]]] = {
    "binance": (
        {INFO: Answer({"symbols": BINANCE}), "/fapi/v1/fundingInfo": Answer([])},
        {"BTC": "crypto", "BTCDOM": "index", "TSLA": "equity", "HYUNDAI": "equity",
         "XAU": "metal", "NATGAS": "commodity", "NEWTHING": "other"},
    ),
    "aster": (
        {INFO: Answer({"symbols": ASTER}), "/fapi/v1/fundingInfo": Answer([])},
        {"BTC": "crypto", "NVDA": "equity", "QQQ": "equity", "XAU": "metal", "NEWTHING": "other"},
    ),
    "bybit": (
        {"/v5/market/instruments-info": bybit},
        {"BTC": "crypto", "NEWCOIN": "crypto", "AMDSTOCK": "equity", "EURUSD": "fx", "OLD": None},
    ),
    "backpack": (
        {"/api/v1/markets": Answer([backpack("BTC", None), backpack("MU", "STOCK")])},
        {"BTC": "crypto", "MU": "equity"},
    ),
    "edgex": (
        {"/api/v2/public/meta/getMetaData": Answer(EDGEX)},
        {"BTC": None, "TSLA": "equity", "EURUSD": "fx", "XAU": "metal"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("venue", CASES)
def test_a_venue_says_what_its_instruments_are_on(venue: str, settings: Settings) -> None:
    routes, expected = CASES[venue]
    found = instruments(venue, routes, settings)
    assert dict(found.select("base", "asset_class").iter_rows()) == expected
