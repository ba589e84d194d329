"""Hours that are due and missing are asked for once more, and named where they stay away."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from funding_platform.core.completeness import BETWEEN, SCHEMA
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.time_grid import HOUR, Window
from funding_platform.flows.collection.history.hour_gaps import CompletedHours, completed_hours
from funding_platform.venues.errors import UnavailableError
from funding_platform.venues.parsing.hourly import HourlyHistory

START = datetime(2025, 1, 1, tzinfo=UTC)
WINDOW = Window(START, START + 6 * HOUR)
SYMBOLS = ("A", "B", "C", "D")


def candles(hours: Mapping[str, Sequence[int]]) -> pl.DataFrame:
    rows = [
        {
            "venue": "v", "venue_symbol": symbol, "kind": "mark", "open_time": START + hour * HOUR,
            "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0,
            "available_at": START + (hour + 1) * HOUR, "observed_at": START,
        }
        for symbol, some in hours.items()
        for hour in some
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PRICE_CANDLES.polars_schema)


def history(
    hours: Mapping[str, Sequence[int]], missing: Mapping[str, Sequence[int]]
) -> HourlyHistory:
    absent = [
        ("v", symbol, START + hour * HOUR, BETWEEN)
        for symbol, some in missing.items()
        for hour in some
    ]
    return HourlyHistory(
        candles(hours), pl.DataFrame(absent, schema=SCHEMA, orient="row"), {}, {}, ()
    )


class Venue:
    """Answers the second time with what it is told to, and remembers for whom it was asked."""

    def __init__(self, hours: dict[str, Sequence[int]]) -> None:
        self.hours = hours
        self.asked: list[tuple[str, ...]] = []

    async def read(self, symbols: Sequence[str], window: Window) -> HourlyHistory:
        self.asked.append(tuple(symbols))
        return history({name: self.hours.get(name, ()) for name in symbols}, {})


def filled(venue: Venue, first: HourlyHistory) -> CompletedHours:
    return asyncio.run(completed_hours(venue.read, first, PRICE_CANDLES, WINDOW))


def test_what_the_second_look_brings_is_there() -> None:
    venue = Venue({"A": [2]})
    whole = filled(venue, history({"A": [0, 1, 3, 5]}, {"A": [2, 4]}))
    assert whole.recovered == 1
    assert whole.history.frame["open_time"].n_unique() == 5
    assert whole.missing["missing_time"].to_list() == [START + 4 * HOUR]


def test_of_hours_that_all_lack_two_are_asked() -> None:
    venue = Venue({})
    present = dict.fromkeys(SYMBOLS, (0, 1, 3))
    whole = filled(venue, history(present, dict.fromkeys(SYMBOLS, (2,))))
    assert venue.asked == [("A", "B")]
    assert whole.outages == [START + 2 * HOUR]
    assert whole.missing.is_empty()


def test_where_a_witness_has_it_the_others_are_asked() -> None:
    venue = Venue(dict.fromkeys(SYMBOLS, (2,)))
    present = dict.fromkeys(SYMBOLS, (0, 1, 3))
    whole = filled(venue, history(present, dict.fromkeys(SYMBOLS, (2,))))
    assert venue.asked == [("A", "B"), ("C", "D")]
    assert whole.recovered == 4
    assert whole.missing.is_empty()


def test_a_second_look_that_fails_costs_nothing_of_the_first() -> None:
    class Down(Venue):
        async def read(self, symbols: Sequence[str], window: Window) -> HourlyHistory:
            raise UnavailableError("HTTP 503", venue="v")

    whole = filled(Down({}), history({"A": [0, 2]}, {"A": [1]}))
    assert whole.history.frame.height == 2
    assert [str(one) for one in whole.trouble] == ["v: HTTP 503"]
