"""What the bars of Bybit, OKX and Deribit are not: units, orders, ends; on bodies made by hand."""

from typing import Any

import pytest

from funding_platform.core.time_grid import HOUR
from funding_platform.settings import Settings
from funding_platform.venues.errors import ContractError
from funding_platform_tests.venues.adapters.short_bars import (
    HOURS,
    NOW,
    START,
    TEN,
    Row,
    bars,
    first,
    ms,
)
from funding_platform_tests.venues.asking import ask
from funding_platform_tests.venues.listings import with_listings
from funding_platform_tests.venues.server import Answer, Params


def test_bybit_counts_inverse_contracts_in_dollars_and_their_turnover_in_coin(
    settings: Settings,
) -> None:
    def page(params: Params) -> Any:
        """Newest first, hanging on the end."""
        rows = [
            [str(ms(h)), "2", "3", "1", "2", "600", "300"]
            for h in HOURS
            if int(params["start"]) <= ms(h) <= int(params["end"])
        ]
        result = {"symbol": params["symbol"], "category": params["category"], "list": rows[::-1]}
        return {"retCode": 0, "result": {**result, "list": rows[::-1][:4]}}

    path = "/v5/market/kline"
    linear = first(bars("bybit", path, page, settings)[0])
    inverse = first(bars("bybit", path, page, settings, symbol="BTCUSD")[0])
    assert (linear["volume_base"], linear["volume_usd"]) == (600.0, 300.0)
    assert (inverse["volume_base"], inverse["volume_usd"]) == (300.0, 600.0)


def test_a_page_of_another_symbol_is_refused(settings: Settings) -> None:
    body = {"retCode": 0, "result": {"symbol": "ETHUSDT", "list": [[ms(0), 2, 3, 1, 2, 5, 5]]}}
    found, _ = bars("bybit", "/v5/market/kline", lambda params: body, settings)
    assert isinstance(found.failures["BTCUSDT"], ContractError)


@pytest.mark.parametrize(
    ("symbol", "row", "expected"),
    [
        ("BTCUSDT", {"openInterest": "10"}, (5.0, None)),
        ("BTCUSDT", {"openInterest": "10", "singleOpenInterest": "4"}, (4.0, None)),
        ("BTCUSD", {"openInterest": "10"}, (None, 5.0)),
    ],
)
def test_bybits_open_interest_counts_both_sides(
    settings: Settings, symbol: str, row: Row, expected: tuple[float | None, float | None]
) -> None:
    def page(params: Params) -> Any:
        times = [h for h in HOURS if int(params["startTime"]) <= ms(h) <= int(params["endTime"])]
        rows = [{**row, "timestamp": str(ms(h))} for h in times[::-1]]
        return Answer({"retCode": 0, "result": {"list": rows, "nextPageCursor": "more"}})

    routes = with_listings("bybit", {"/v5/market/open-interest": page})
    found = ask(
        "bybit", routes, settings, NOW, lambda v: v.open_interest([symbol], START, TEN.end)
    ).found
    assert found.height == 10
    assert found.select("open_interest_base", "open_interest_usd").row(0) == expected


def okx(params: Params) -> Any:
    rows = [
        [str(ms(h)), "2", "3", "1", "2", "100", "1", "2", "1" if h < 10 else "0"]
        for h in HOURS
        if ms(h) < int(params["after"])
    ]
    return {"code": "0", "msg": "", "data": rows[::-1][:4]}


def test_okx_counts_contracts_first_and_keeps_its_history_elsewhere(settings: Settings) -> None:
    found, router = bars("okx", "/api/v5/market/history-candles", okx, settings)
    row = first(found)
    assert (row["volume_base"], row["volume_usd"]) == (1.0, 2.0)
    assert {request.path for request in router.requests if "candles" in request.path} == {
        "/api/v5/market/history-candles"
    }


def test_the_index_of_okx_is_that_of_a_pair(settings: Settings) -> None:
    def page(params: Params) -> Any:
        assert params["instId"] == "BTC-USDT"
        answer = okx(params)
        return {**answer, "data": [[*row[:5], row[8]] for row in answer["data"]]}

    path = "/api/v5/market/history-index-candles"
    found, _ = bars("okx", path, page, settings, "index")
    assert first(found)["volume_base"] is None


def test_a_bar_that_okx_does_not_confirm_waits(settings: Settings) -> None:
    def page(params: Params) -> Any:
        answer = okx(params)
        late = [[*row[:8], "0"] if row[0] == str(ms(9)) else row for row in answer["data"]]
        return {**answer, "data": late}

    found, _ = bars("okx", "/api/v5/market/history-candles", page, settings)
    assert found.frame.height == 9
    assert [(at - START) // HOUR for at in found.missing["missing_time"]] == [9]


def columns(params: Params, cap: int = 10**6) -> Row:
    low, high = int(params["start_timestamp"]), int(params["end_timestamp"])
    at = [ms(h) for h in HOURS if low <= ms(h) <= high][-cap:]
    size = len(at)
    return {
        "status": "ok" if at else "no_data", "volume": [1.0] * size, "cost": [2.0] * size,
        "ticks": at, "low": [1.0] * size, "high": [3.0] * size, "open": [2.0] * size,
        "close": [2.0] * size,
    }  # fmt: skip


CHART = "/api/v2/public/get_tradingview_chart_data"


def test_deribit_drops_the_old_end_of_a_page(settings: Settings) -> None:
    found, router = bars("deribit", CHART, lambda p: {"result": columns(p, 4)}, settings)
    row = first(found)
    assert (row["volume_base"], row["volume_usd"]) == (1.0, 2.0)
    assert sum(request.path == CHART for request in router.requests) == 3


def test_columns_of_different_lengths_are_no_bars(settings: Settings) -> None:
    def ragged(params: Params) -> Any:
        return {"result": {**columns(params), "low": [1.0]}}

    found, _ = bars("deribit", CHART, ragged, settings)
    assert "different lengths" in str(found.failures["BTC-PERPETUAL"])
