"""What bars of the venues on chains are not: units, keys, silences; on bodies made by hand."""

import json
from datetime import timedelta
from typing import Any

from funding_platform.core.time_grid import HOUR, Window
from funding_platform.settings import Settings
from funding_platform.venues.errors import ContractError, UnknownSymbolError
from funding_platform.venues.paging.pager import Ended
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
