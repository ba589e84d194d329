"""What is missing is exactly what was taken away, whatever the life of the instrument."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.completeness import (
    BETWEEN,
    OPENING,
    SILENT,
    STOPPED,
    missing_settlements,
    outage_hours,
    trading_spans,
)
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR, Window

START = datetime(2025, 3, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=4))
LONG_AGO = START - timedelta(days=100)


def settlements(
    hours: list[float], interval: float | None = 8.0, symbol: str = "A"
) -> pl.DataFrame:
    """Settlements so many hours after the window's start."""
    return pl.DataFrame(
        {
            "venue": "v",
            "venue_symbol": symbol,
            "funding_time": [START + hour * HOUR for hour in hours],
            "interval_hours": interval,
        },
        schema_overrides={
            "venue": pl.String,
            "venue_symbol": pl.String,
            "funding_time": UTC_TIME,
            "interval_hours": pl.Float64,
        },
    )


def instrument(symbol: str = "A", **facts: Any) -> dict[str, Any]:
    return {
        "venue": "v",
        "venue_symbol": symbol,
        "status": "trading",
        "listed_at": LONG_AGO,
        "last_seen_at": WINDOW.end + timedelta(days=30),
        "interval_hours": 8.0,
        **facts,
    }


def life_of(*instruments: dict[str, Any]) -> pl.DataFrame:
    rows = [{name: one.get(name) for name in INSTRUMENTS.column_names} for one in instruments]
    return trading_spans(pl.DataFrame(rows, schema=INSTRUMENTS.polars_schema))


def hours_missing(rows: pl.DataFrame, *instruments: dict[str, Any]) -> list[tuple[float, str]]:
    missing = missing_settlements(rows, life_of(*instruments), WINDOW)
    return [
        ((time - START) / HOUR, kind)
        for time, kind in missing.select("missing_time", "kind").iter_rows()
    ]


WHOLE = [float(hour) for hour in range(0, 96, 8)]


def test_a_whole_history_lacks_nothing() -> None:
    assert hours_missing(settlements(WHOLE), instrument()) == []


def test_gaps_are_named_by_their_times() -> None:
    kept = [hour for hour in WHOLE if hour not in (16, 48, 56)]
    lost = [(16, BETWEEN), (48, BETWEEN), (56, BETWEEN)]
    assert hours_missing(settlements(kept), instrument()) == lost


def test_a_gap_counts_only_where_it_lies_in_the_window() -> None:
    around = settlements([-32.0, 16.0, *WHOLE[3:], 120.0])
    assert hours_missing(around) == [(0, BETWEEN), (8, BETWEEN)]


def test_settlements_late_by_seconds_are_named_to_the_minute() -> None:
    late = settlements([hour + 7 / 3600 for hour in WHOLE if hour != 24])
    assert hours_missing(late) == [(24, BETWEEN)]


@pytest.mark.parametrize(
    ("facts", "lost"),
    [
        ({}, [(80, STOPPED), (88, STOPPED)]),
        ({"status": "delisted"}, []),
        ({"status": "halted"}, []),
        ({"status": "unknown"}, []),
        # Seen for the last time before, or within half an hour of, the next settlement.
        ({"last_seen_at": START + 75 * HOUR}, []),
        ({"last_seen_at": START + 80.4 * HOUR}, []),
        ({"last_seen_at": START + 81 * HOUR}, [(80, STOPPED)]),
        # The venue says 24 hours now: the interval has changed since.
        ({"last_seen_at": START + 90 * HOUR, "interval_hours": 24.0}, []),
    ],
)
def test_a_history_that_stops(facts: dict[str, Any], lost: list[tuple[float, str]]) -> None:
    kept = [hour for hour in WHOLE if hour <= 72]
    assert hours_missing(settlements(kept), instrument(**facts)) == lost


@pytest.mark.parametrize(
    ("listed", "lost"),
    [
        (LONG_AGO, [(0, OPENING), (8, OPENING), (16, OPENING)]),
        (START, [(8, OPENING), (16, OPENING)]),
        # A whole interval must have passed since listing.
        (START + 3 * HOUR, [(16, OPENING)]),
        (START + 20 * HOUR, []),
        (None, []),
    ],
)
def test_a_history_that_opens_late(listed: datetime | None, lost: list[tuple[float, str]]) -> None:
    kept = [hour for hour in WHOLE if hour >= 24]
    assert hours_missing(settlements(kept), instrument(listed_at=listed)) == lost


@pytest.mark.parametrize(
    ("facts", "lost"),
    [
        ({}, WHOLE),
        ({"listed_at": START + 70 * HOUR}, [80, 88]),
        ({"last_seen_at": START + 17 * HOUR}, [0, 8, 16]),
        ({"listed_at": None}, []),
        ({"interval_hours": None}, []),
        ({"status": "delisted"}, []),
        ({"listed_at": WINDOW.end}, []),
    ],
)
def test_a_silent_instrument(facts: dict[str, Any], lost: list[float]) -> None:
    nothing = settlements([])
    assert hours_missing(nothing, instrument(**facts)) == [(hour, SILENT) for hour in lost]


def test_nothing_is_expected_of_an_unknown_interval() -> None:
    unknown = settlements([8.0, 72.0], interval=None)
    assert hours_missing(unknown, instrument(interval_hours=None)) == []


def test_a_change_of_interval_is_no_gap() -> None:
    slow, fast = settlements([0.0, 8.0, 16.0]), settlements([17.0, 18.0, 20.0], interval=1.0)
    assert hours_missing(pl.concat([slow, fast])) == [(19, BETWEEN)]


@given(
    interval=st.sampled_from([1, 4, 8]),
    lost=st.sets(st.integers(0, 95)),
    data=st.data(),
)
def test_what_was_taken_away_is_what_is_missing(
    interval: int, lost: set[int], data: st.DataObject
) -> None:
    due = list(range(0, 96, interval))
    kept = [hour for hour in due if hour not in lost]
    jitter = data.draw(st.integers(0, 20))
    rows = settlements([hour + jitter / 3600 for hour in kept], interval=float(interval))
    missing = hours_missing(rows, instrument(interval_hours=float(interval)))
    assert [hour for hour, _ in missing] == [hour for hour in due if hour in lost]


def test_an_hour_that_nobody_settled_is_an_outage() -> None:
    def without(symbol: str, *gone: float) -> pl.DataFrame:
        return settlements([hour for hour in WHOLE if hour not in gone], symbol=symbol)

    rows = pl.concat([without("A", 24, 48), without("B", 24, 48), without("C", 24), without("D")])
    missing = missing_settlements(rows, life_of(), WINDOW)
    assert outage_hours(missing, rows) == []  # D settled throughout
    down = rows.filter(pl.col("funding_time") != START + 24 * HOUR)
    missing = missing_settlements(down, life_of(), WINDOW)
    assert outage_hours(missing, down) == [START + 24 * HOUR]


def test_hours_in_a_row_are_one_outage() -> None:
    due = {"A": 8, "B": 8, "C": 1}
    rows = pl.concat(
        settlements(
            [float(hour) for hour in range(0, 96, step) if not 48 <= hour < 51], float(step), symbol
        )
        for symbol, step in due.items()
    )
    missing = missing_settlements(rows, life_of(), WINDOW)
    assert outage_hours(missing, rows) == [START + hour * HOUR for hour in (48, 49, 50)]
