"""Bybit: contracts of two categories, and lists that are read cursor by cursor."""

from collections.abc import Callable
from typing import Any

import pytest

from funding_platform.settings import Settings
from funding_platform.venues.errors import PagingError, ServerError
from funding_platform_tests.venues.frames import snapshot
from funding_platform_tests.venues.server import Answer, Params


def bybit_ticker(symbol: str, **changes: str) -> dict[str, str]:
    return {
        "symbol": symbol,
        "fundingRate": "0.0001",
        "nextFundingTime": "1789344000000",
        "fundingIntervalHour": "8",
        "markPrice": "50000",
        "indexPrice": "50000",
        "bid1Price": "49999",
        "ask1Price": "",
        "volume24h": "3000000",
        "turnover24h": "60",
        "openInterest": "2000000",
        "openInterestValue": "40",
    } | changes


def bybit_reply(rows: list[Any], cursor: str = "") -> Answer:
    return Answer({"retCode": 0, "result": {"list": rows, "nextPageCursor": cursor}})


def by_category(linear: Answer, inverse: Answer) -> Callable[[Params], Answer]:
    return lambda params: {"linear": linear, "inverse": inverse}[params["category"]]


def test_an_inverse_contract_of_bybit_is_counted_in_dollars(settings: Settings) -> None:
    tickers = by_category(
        bybit_reply(
            [
                bybit_ticker("ETHUSDT"),
                bybit_ticker("ETHUSDT-25DEC26", nextFundingTime="0", fundingRate=""),
            ]
        ),
        bybit_reply(
            [
                bybit_ticker("BTCUSD"),
                bybit_ticker("BTCUSDZ26", nextFundingTime="0", fundingRate=""),
                bybit_ticker("ETHUSD", singleOpenInterest="900000", singleOpenInterestValue="18"),
            ]
        ),
    )
    frame, _, _ = snapshot("bybit", {"/v5/market/tickers": tickers}, settings)
    rows = {row["venue_symbol"]: row for row in frame.to_dicts()}
    assert list(rows) == ["BTCUSD", "ETHUSD", "ETHUSDT"]
    assert (rows["BTCUSD"]["open_interest_usd"], rows["BTCUSD"]["open_interest_base"]) == (1e6, 20)
    assert (rows["ETHUSD"]["open_interest_usd"], rows["ETHUSD"]["open_interest_base"]) == (9e5, 18)
    assert (rows["ETHUSDT"]["open_interest_usd"], rows["ETHUSDT"]["open_interest_base"]) == (
        20,
        1e6,
    )
    assert (rows["BTCUSD"]["volume_24h_usd"], rows["ETHUSDT"]["volume_24h_usd"]) == (3e6, 60)
    assert (rows["BTCUSD"]["best_ask"], rows["BTCUSD"]["spread_bps"]) == (None, None)


def test_bybit_without_its_inverse_contracts_is_still_bybit(settings: Settings) -> None:
    tickers = by_category(bybit_reply([bybit_ticker("ETHUSDT")]), Answer(b"", 500))
    frame, warnings, _ = snapshot("bybit", {"/v5/market/tickers": tickers}, settings)
    assert frame["venue_symbol"].to_list() == ["ETHUSDT"]
    assert [type(warning) for warning in warnings] == [ServerError]


def bybit_instrument(symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "contractType": "InversePerpetual" if symbol.endswith("USD") else "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USD",
        "settleCoin": "BTC",
        "launchTime": "0",
        "fundingInterval": 480,
        "priceFilter": {"tickSize": "0.5"},
        "lotSizeFilter": {"minOrderQty": "1"},
    }


def test_bybit_instruments_are_read_cursor_by_cursor(settings: Settings) -> None:
    pages = {
        "": bybit_reply([bybit_instrument("AUSDT")], "p2"),
        "p2": bybit_reply([bybit_instrument("BUSDT")]),
    }

    def handle(params: Params) -> Answer:
        if params["category"] == "inverse":
            return bybit_reply([bybit_instrument("BTCUSD")])
        return pages[params["cursor"]]

    frame, _, _ = snapshot(
        "bybit", {"/v5/market/instruments-info": handle}, settings, "instruments"
    )
    assert dict(frame.select("venue_symbol", "contract_type").iter_rows()) == {
        "AUSDT": "linear",
        "BTCUSD": "inverse",
        "BUSDT": "linear",
    }
    assert frame["listed_at"].null_count() == 3


def test_a_cursor_in_a_circle_is_found_out(settings: Settings) -> None:
    circle = bybit_reply([bybit_instrument("AUSDT")], "p2")
    with pytest.raises(PagingError, match="came again"):
        snapshot("bybit", {"/v5/market/instruments-info": circle}, settings, "instruments")
