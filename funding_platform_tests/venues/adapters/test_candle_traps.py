"""What each venue's bars are not: units, orders, keys, ends, silences; on bodies made by hand."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from funding_platform.core.time_grid import HOUR, Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.errors import ContractError, UnknownSymbolError
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.parsing.hourly import HourlyHistory
from funding_platform_tests.venues.adapters.test_recorded_candles import SYMBOLS
from funding_platform_tests.venues.asking import ask
from funding_platform_tests.venues.listings import with_listings
from funding_platform_tests.venues.server import Answer, Params, Router

START = datetime(2026, 10, 5, tzinfo=UTC)
NOW = START + timedelta(hours=10, minutes=20)
TEN = Window(START, START + 10 * HOUR)
HOURS = range(-3, 11)
"""Hours of which there is a bar: some before the window, and the one that still runs."""

Row = dict[str, Any]


def ms(hour: float) -> int:
    return to_ms(START + timedelta(hours=hour))


def hour_of(time_ms: int) -> int:
    return (time_ms - to_ms(START)) // 3_600_000


def bars(
    venue: str,
    path: str,
    handle: Callable[[Params], Any],
    settings: Settings,
    kind: str = "trade",
    symbol: str | None = None,
    window: Window = TEN,
) -> tuple[HourlyHistory, Router]:
    asked = [symbol or SYMBOLS[venue]]
    routes = with_listings(venue, {path: lambda params: Answer(handle(params))})
    answer = ask(venue, routes, settings, NOW, lambda v: v.candle_history(asked, window, kind))
    return answer.found, answer.router


def first(found: HourlyHistory) -> Row:
    assert not found.failures
    assert [(at - START) // HOUR for at in found.frame["open_time"]] == [*range(10)]
    assert found.missing.is_empty()
    return found.frame.row(0, named=True)


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


def snapshot(params: Params) -> list[Row]:
    asked = params["req"]
    return [
        {"t": ms(h), "T": ms(h + 1) - 1, "s": asked["coin"], "i": "1h", "o": "2", "c": "2",
         "h": "3", "l": "1", "v": "5", "n": 1}
        for h in HOURS
        if asked["startTime"] <= ms(h) <= asked["endTime"]
    ]  # fmt: skip


def test_hyperliquid_keeps_208_days_and_says_nothing_of_what_was_before(
    settings: Settings,
) -> None:
    row = first(bars("hyperliquid", "/info", snapshot, settings)[0])
    assert (row["volume_base"], row["volume_usd"]) == (5.0, None)
    old = Window(START - timedelta(days=300), START - timedelta(days=270))
    found, _ = bars("hyperliquid", "/info", snapshot, settings, window=old)
    coverage = found.coverage["BTC"]
    assert (coverage.rows, coverage.ended, coverage.proven) == (0, Ended.NOT_KEPT, False)


def test_a_spot_market_of_hyperliquid_goes_by_its_number(settings: Settings) -> None:
    routes = with_listings("hyperliquid", {"/info": lambda params: Answer(snapshot(params))})
    found = ask(
        "hyperliquid", routes, settings, NOW, lambda v: v.spot_candles(["BTC"], START, TEN.end)
    ).found
    assert found.height == 10
    assert found.select("venue_symbol", "base", "quote").row(0) == ("@142", "BTC", "USDC")


def lighter(params: Params) -> Any:
    """In seconds; what is zero is left out, and so is an hour without a deal."""
    assert params["market_id"] == "7"
    low, high = (1000 * int(params[f"{edge}_timestamp"]) for edge in ("start", "end"))
    told = [h for h in HOURS if low <= ms(h) <= high and h not in (2, 3)]
    text = ",".join(
        f'{{"t":{ms(h)},"o":2,"h":3,"l":1e-7,"c":2.0,"v":5.0,"V":10.0,"i":1}}'
        if h != 5
        else f'{{"t":{ms(h)},"o":2,"h":2,"l":2,"c":2,"i":1}}'
        for h in told
    )
    return json.loads(f'{{"code":200,"r":"1h","c":[{text}]}}')


def test_what_lighter_leaves_out_is_zero_or_no_deal(settings: Settings) -> None:
    found, _ = bars("lighter", "/api/v1/candles", lighter, settings)
    rows = {(row["open_time"] - START) // HOUR: row for row in found.frame.to_dicts()}
    assert [*rows] == [0, 1, 4, 5, 6, 7, 8, 9]
    assert (rows[0]["low"], rows[0]["volume_base"], rows[0]["volume_usd"]) == (1e-7, 5.0, 10.0)
    assert (rows[5]["volume_base"], rows[5]["volume_usd"]) == (0.0, 0.0)
    assert found.missing.is_empty()
    assert found.coverage["BTC"].proven


def test_lighters_marks_lack_hours_by_mistake_only(settings: Settings) -> None:
    found, _ = bars("lighter", "/api/v1/markPriceCandles", lighter, settings, "mark")
    assert found.missing.height == 2
    assert found.frame["volume_base"].null_count() == found.frame.height


def test_lighter_says_nothing_with_null(settings: Settings) -> None:
    found, _ = bars("lighter", "/api/v1/candles", lambda p: {"code": 200, "c": None}, settings)
    assert found.coverage["BTC"].ended is Ended.EXHAUSTED


def test_a_long_window_of_lighter_is_asked_for_in_stretches(settings: Settings) -> None:
    spans: list[int] = []

    def noting(params: Params) -> Any:
        spans.append((int(params["end_timestamp"]) - int(params["start_timestamp"])) // 3600 + 1)
        return lighter(params)

    bars("lighter", "/api/v1/candles", noting, settings, window=Window(START - 2000 * HOUR, NOW))
    assert (len(spans), max(spans)) == (6, 480)


def test_extended_does_not_say_in_what_its_volume_is(settings: Settings) -> None:
    def page(params: Params) -> Any:
        assert params["interval"] == "PT1H"
        rows = [
            {"o": "2", "l": "1", "h": "3", "c": "2", "v": "5", "T": ms(h)}
            for h in HOURS
            if ms(h) <= int(params["endTime"])
        ]
        return {"status": "OK", "data": rows[::-1][: int(params["limit"])]}

    found, router = bars("extended", "/api/v1/info/candles/BTC-USD/trades", page, settings)
    row = first(found)
    assert (row["volume_base"], row["volume_usd"]) == (None, None)
    assert [r.params["limit"] for r in router.requests if "candles" in r.path] == ["11"]


def test_extendeds_open_interest_tells_base_from_dollars_by_a_capital(settings: Settings) -> None:
    def page(params: Params) -> Any:
        low, high = int(params["startTime"]), int(params["endTime"])
        rows = [{"i": "200", "I": "2", "t": ms(h)} for h in HOURS if low <= ms(h) <= high]
        return Answer({"status": "OK", "data": rows})

    routes = with_listings("extended", {"/api/v1/info/BTC-USD/open-interests": page})
    found = ask(
        "extended", routes, settings, NOW, lambda v: v.open_interest(["BTC-USD"], START, TEN.end)
    ).found
    assert found.height == 10
    assert found.select("open_interest_base", "open_interest_usd").row(0) == (2.0, 200.0)


def test_paradex_counts_dollars_and_omits_hours_without_a_deal(settings: Settings) -> None:
    def page(params: Params) -> Any:
        low, high, told = int(params["start_at"]), int(params["end_at"]), [0, 4, 9]
        rows = [[ms(h), 2, 3, 1, 2, 4561] for h in told if low <= ms(h) <= high]
        return {"results": rows}

    path = "/v1/markets/klines"
    found, _ = bars("paradex", path, page, settings)
    assert found.frame.select("volume_base", "volume_usd").row(0) == (None, 4561.0)
    assert (found.frame.height, found.missing.height) == (3, 0)
    marks, _ = bars("paradex", path, page, settings, "mark")
    assert (marks.frame["volume_usd"].null_count(), marks.missing.height) == (3, 7)


def edgex(params: Params, contract: str = "10000002") -> Any:
    low, high = (
        int(params[f"filter{edge}"])
        for edge in ("BeginKlineTimeInclusive", "EndKlineTimeExclusive")
    )
    after = int(params.get("offsetData", 10**15))
    rows = [
        {"contractId": contract, "klineTime": str(ms(h)), "open": "2", "high": "3", "low": "1",
         "close": "2", "size": "5", "value": "10"}
        for h in HOURS[::-1]
        if low <= ms(h) < min(high, after)
    ]  # fmt: skip
    token = rows[3]["klineTime"] if len(rows) > 4 else ""
    return {"code": "SUCCESS", "data": {"dataList": rows[:4], "nextPageOffsetData": token}}


KLINE = "/api/v2/public/quote/getKline"


def test_edgex_goes_on_by_its_cursor_and_excludes_its_end(settings: Settings) -> None:
    found, _ = bars("edgex", KLINE, edgex, settings)
    row = first(found)
    assert (row["volume_base"], row["volume_usd"]) == (5.0, 10.0)


def test_bars_of_another_contract_are_refused(settings: Settings) -> None:
    found, _ = bars("edgex", KLINE, lambda params: edgex(params, "30000001"), settings)
    assert isinstance(found.failures["BTCUSD"], ContractError)
    empty: Row = {"code": "SUCCESS", "data": []}
    found, _ = bars("edgex", KLINE, lambda params: empty, settings)
    assert isinstance(found.failures["BTCUSD"], UnknownSymbolError)


def test_grvt_counts_nanoseconds_and_goes_on_by_its_cursor(settings: Settings) -> None:
    def page(params: Params) -> Any:
        low, high = (int(params[f"{edge}_time"]) // 10**6 for edge in ("start", "end"))
        rows = [
            {"open_time": f"{ms(h)}000000", "close_time": f"{ms(h + 1)}000000", "open": "2",
             "close": "2", "high": "3", "low": "1", "volume_b": "5", "volume_q": "10",
             "instrument": params["instrument"]}
            for h in HOURS[::-1]
            if low <= ms(h) <= high and ms(h) < int(params.get("cursor", 10**15))
        ]  # fmt: skip
        following = str(int(rows[3]["open_time"]) // 10**6) if len(rows) > 4 else ""
        return {"result": rows[:4], "next": following}

    row = first(bars("grvt", "/full/v1/kline", page, settings)[0])
    assert (row["volume_base"], row["volume_usd"]) == (5.0, 10.0)


def test_an_hour_without_a_price_on_backpack_is_empty_and_no_gap(settings: Settings) -> None:
    def page(params: Params) -> Any:
        low, high = 1000 * int(params["startTime"]), 1000 * int(params["endTime"])
        return [
            {"start": f"{START + h * HOUR:%Y-%m-%d %H:%M:%S}", "volume": "0", "quoteVolume": "0",
             **dict.fromkeys(("open", "high", "low", "close"), None if h in (2, 3) else "2")}
            for h in HOURS
            if low <= ms(h) <= high and h != 7
        ]  # fmt: skip

    found, _ = bars("backpack", "/api/v1/klines", page, settings)
    assert [(at - START) // HOUR for at in found.frame["open_time"]] == [0, 1, 4, 5, 6, 8, 9]
    assert [(at - START) // HOUR for at in found.missing["missing_time"]] == [7]
    assert not found.left_out


def test_one_row_of_drift_is_a_bar_of_deals_and_one_of_the_oracle(settings: Settings) -> None:
    def page(params: Params) -> Any:
        prices = {f"fill{at}": 2.0 for at in ("Open", "High", "Low", "Close")}
        oracle = {f"oracle{at}": 3.0 for at in ("Open", "High", "Low", "Close")}
        rows = [
            {"ts": ms(h) // 1000, **prices, **oracle, "quoteVolume": 10.0, "baseVolume": 5.0}
            for h in HOURS[::-1]
            if ms(h) <= 1000 * int(params["startTs"])
        ]
        return {"success": True, "records": rows[: int(params["limit"])]}

    path = "/market/BTC-PERP/candles/60"
    trade = first(bars("drift", path, page, settings)[0])
    index = first(bars("drift", path, page, settings, "index")[0])
    assert (trade["close"], trade["volume_base"], trade["volume_usd"]) == (2.0, 5.0, 10.0)
    assert (index["close"], index["volume_base"], index["volume_usd"]) == (3.0, None, None)
