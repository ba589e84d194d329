"""Rows by the hour through the public calls, on short bodies: left out, named, or absent."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from funding_platform.core.time_grid import HOUR, Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import (
    ContractError,
    NotOfferedError,
    UnknownSymbolError,
)
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.parsing.hourly import HourlyHistory
from funding_platform.venues.registry import venue_spec
from funding_platform_tests.venues.asking import Asked, ask
from funding_platform_tests.venues.klines import (
    DAY,
    NOW,
    START,
    SYMBOL,
    TEN_HOURS,
    Bar,
    kline,
    klines,
    read,
)
from funding_platform_tests.venues.listings import BINANCE, with_listings
from funding_platform_tests.venues.server import Answer, Params


def history(
    bars: Sequence[Bar],
    settings: Settings,
    window: Window = DAY,
    listed: Any = BINANCE,
    kind: str = "trade",
) -> HourlyHistory:
    """What becomes of Binance's bars of one symbol."""
    path = {"trade": "klines", "mark": "markPriceKlines"}[kind]
    routes = with_listings("binance", {f"/fapi/v1/{path}": klines(bars)})
    routes["/fapi/v1/exchangeInfo"] = Answer(listed)
    found: HourlyHistory = read(
        "binance", routes, settings, lambda v: v.candle_history([SYMBOL], window, kind)
    )
    return found


def hours_of(found: HourlyHistory, column: str = "open_time") -> list[int]:
    return [(at - START) // HOUR for at in found.frame[column]]


def missing_hours(found: HourlyHistory) -> list[int]:
    return [(at - START) // HOUR for at in found.missing["missing_time"]]


def test_a_bar_is_stored_once_its_hour_is_over(settings: Settings) -> None:
    """The eleventh has begun; the venue sends it like the others."""
    found = history([kline(hour) for hour in range(11)], settings)
    assert hours_of(found) == [*TEN_HOURS]
    row = found.frame.row(0, named=True)
    assert (row["venue"], row["venue_symbol"], row["kind"]) == ("binance", SYMBOL, "trade")
    assert (row["volume_base"], row["volume_usd"]) == (5.0, 10.0)
    assert (row["available_at"], row["observed_at"]) == (START + HOUR, NOW)
    coverage = found.coverage[SYMBOL]
    assert (coverage.rows, coverage.missing, coverage.ended) == (10, 0, Ended.ROW_BEYOND)
    assert coverage.requests == 1
    assert not found.left_out


def test_marks_have_no_volume_whatever_zeros_stand_there(settings: Settings) -> None:
    found = history([kline(hour) for hour in TEN_HOURS], settings, kind="mark")
    assert found.frame["volume_base"].null_count() == found.frame["volume_usd"].null_count() == 10


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (kline(3, high="1", low="3"), "high of 1 below its low of 3"),
        (kline(3, opened="4"), "4 outside of 1 to 3"),
        (kline(3, close="0.5"), "0.5 outside of 1 to 3"),
        (kline(3, low="0"), "price of 0"),
        (kline(3, low="-1"), "price of -1"),
        (kline(3, opened=""), "no open"),
        (kline(3.5), "1800000 ms after the full hour"),
    ],
)
def test_a_bar_that_cannot_be_is_left_out_and_named(
    settings: Settings, bad: Bar, said: str
) -> None:
    bars = sorted([*(kline(hour) for hour in TEN_HOURS if hour != 3), bad])
    found = history(bars, settings)
    assert hours_of(found) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert missing_hours(found) == [3]
    [warning] = found.left_out
    assert said in warning.message
    assert "2026-10-05 03:" in warning.message
    assert warning.endpoint == "trade candles of BTCUSDT"
    assert not found.coverage[SYMBOL].proven


def test_a_negative_volume_costs_itself_and_not_its_bar(settings: Settings) -> None:
    bars = [kline(hour) for hour in TEN_HOURS]
    bars[3][5] = "-5"
    found = history(bars, settings)
    assert hours_of(found) == [*TEN_HOURS]
    assert found.frame["volume_base"].to_list() == [
        5.0 if hour != 3 else None for hour in range(10)
    ]
    [warning] = found.left_out
    assert "volume_base of BTCUSDT is -5.0" in warning.message
    assert "at 2026-10-05 03:00:00" in warning.message


def test_a_bar_that_comes_twice_counts_once_or_not_at_all(settings: Settings) -> None:
    alike, differs = kline(4), kline(6, close="2.5")
    bars = sorted([*(kline(hour) for hour in TEN_HOURS), alike, differs])
    found = history(bars, settings)
    assert hours_of(found) == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    [warning] = found.left_out
    assert "2026-10-05 06:00:00 comes again with other values" in warning.message


def test_where_most_bars_cannot_be_the_symbol_fails(settings: Settings) -> None:
    """High and low have changed places: the others are as wrong."""
    found = history([kline(hour, high="1", low="3") for hour in TEN_HOURS], settings)
    assert found.frame.is_empty()
    assert isinstance(found.failures[SYMBOL], ContractError)
    assert "below its low" in str(found.failures[SYMBOL])


def test_asked_for_strictly_the_failure_is_raised(settings: Settings) -> None:
    routes = with_listings("binance", {"/fapi/v1/klines": klines([kline(0, high="1", low="3")])})
    with pytest.raises(ContractError, match="below its low"):
        read("binance", routes, settings, lambda v: v.candles([SYMBOL], START, NOW, "trade"))


def test_asked_for_strictly_what_is_left_out_is_a_warning(settings: Settings) -> None:
    bars = [kline(0), kline(1), kline(2, low="0")]
    routes = with_listings("binance", {"/fapi/v1/klines": klines(bars)})

    def strictly(venue: Venue) -> Awaitable[Any]:
        return venue.candles([SYMBOL], START, START + 3 * HOUR, "trade")

    asked: Asked = ask("binance", routes, settings, NOW, strictly)
    assert asked.found.height == 2
    assert ["price of 0" in warning.message for warning in asked.warnings] == [True]


def listed_at(hour: float, status: str = "TRADING") -> Any:
    [symbol] = BINANCE["symbols"]
    onboard = to_ms(START + timedelta(hours=hour))
    return {"symbols": [{**symbol, "onboardDate": onboard, "status": status}]}


@pytest.mark.parametrize(
    ("listed", "have", "missing"),
    [
        (listed_at(-100), [0, 1, 4, 5, 6, 7, 8, 9], [2, 3]),
        (listed_at(-100), [2, 3, 4, 5, 6, 7, 8, 9], [0, 1]),
        (listed_at(2), [2, 3, 4, 5, 6, 7, 8, 9], []),
        (listed_at(1.5), [3, 4, 5, 6, 7, 8, 9], [2]),
        (listed_at(-100), [0, 1, 2, 3], [4, 5, 6, 7, 8, 9]),
        (listed_at(-100, "CLOSE"), [0, 1, 2, 3], []),
        (listed_at(7), [], [7, 8, 9]),
        (BINANCE, [2, 3, 5, 6, 7, 8, 9], [4]),
        (BINANCE, [], []),
    ],
    ids=[
        "lost in between", "lost at the start", "listed within", "first bar lost",
        "stopped while it trades", "delisted", "silent", "listing unknown", "nothing known",
    ],
)  # fmt: skip
def test_hours_are_due_from_the_listing_on(
    settings: Settings, listed: Any, have: list[int], missing: list[int]
) -> None:
    found = history([kline(hour) for hour in have], settings, listed=listed)
    assert (hours_of(found), missing_hours(found)) == (have, missing)
    coverage = found.coverage[SYMBOL]
    assert (coverage.rows, coverage.expected) == (len(have), len(have) + len(missing))
    assert coverage.proven


def test_a_window_that_has_just_begun_is_not_asked_for(settings: Settings) -> None:
    window = Window(NOW.replace(minute=0), NOW + HOUR)
    found = history([], settings, window)
    coverage = found.coverage[SYMBOL]
    assert (coverage.requests, coverage.ended) == (0, Ended.RUNNING_PRESENT)
    assert found.frame.is_empty()


def test_a_window_without_an_hour_in_it_has_no_row(settings: Settings) -> None:
    window = Window(START + HOUR / 4, START + HOUR / 2)
    found = history([kline(hour) for hour in TEN_HOURS], settings, window)
    assert (found.frame.height, found.missing.height) == (0, 0)


def test_one_symbol_that_fails_costs_only_itself(settings: Settings) -> None:
    def handle(params: Params) -> Answer:
        if params["symbol"] == "NOPE":
            return Answer({"code": -1121, "msg": "Invalid symbol."}, 400)
        return klines([kline(hour) for hour in TEN_HOURS])(params)

    done: list[str] = []
    routes = with_listings("binance", {"/fapi/v1/klines": handle})
    found = read(
        "binance",
        routes,
        settings,
        lambda v: v.candle_history(["NOPE", SYMBOL], DAY, "trade", on_symbol=done.append),
    )
    assert type(found.failures["NOPE"]) is UnknownSymbolError
    assert list(found.coverage) == [SYMBOL]
    assert sorted(done) == [SYMBOL, "NOPE"]


def test_a_coin_that_is_no_longer_listed_has_bars_without_dollars(settings: Settings) -> None:
    """In what its turnover is nobody says any more."""
    found = history([kline(hour) for hour in TEN_HOURS], settings, listed={"symbols": []})
    assert found.frame["volume_base"].null_count() == 0
    assert found.frame["volume_usd"].null_count() == 10


@pytest.mark.parametrize(
    ("venue", "what", "said"),
    [
        ("deribit", lambda v: v.candles([], START, NOW, "mark"), "offers no mark candles"),
        ("hyperliquid", lambda v: v.candles([], START, NOW, "index"), "it offers trade"),
        ("coingecko", lambda v: v.candles([], START, NOW, "trade"), "offers no price_candles"),
        ("aster", lambda v: v.spot_candles(["BTC"], START, NOW), "offers no spot_candles"),
        ("grvt", lambda v: v.open_interest([], START, NOW), "offers no open_interest"),
    ],
)
def test_what_a_venue_does_not_have_is_said(
    settings: Settings, venue: str, what: Callable[[Venue], Awaitable[Any]], said: str
) -> None:
    with pytest.raises(NotOfferedError, match=said):
        read(venue, {}, settings, what)


def test_every_venue_with_bars_says_what_of() -> None:
    kinds = {
        "binance": ("mark", "index", "trade"), "aster": ("mark", "index", "trade"),
        "bybit": ("mark", "index", "trade"), "okx": ("mark", "index", "trade"),
        "deribit": ("trade",), "hyperliquid": ("trade",), "lighter": ("mark", "trade"),
        "extended": ("mark", "index", "trade"), "paradex": ("mark", "index", "trade"),
        "edgex": ("mark", "index", "trade"), "grvt": ("mark", "index", "trade"),
        "backpack": ("mark", "index", "trade"), "drift": ("index", "trade"), "coingecko": (),
    }  # fmt: skip
    assert {venue: venue_spec(venue).candle_kinds for venue in kinds} == kinds
