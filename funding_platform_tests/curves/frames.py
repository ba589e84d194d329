"""Input frames for the curve tests, from hours and rates."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR, Window

START = datetime(2025, 1, 1, tzinfo=UTC)
YEARS = Window(START - timedelta(days=400), START + timedelta(days=400))

Print = tuple[float, float, float | None]
"""Hours after ``START``, rate, interval in hours."""


def at(hours: float) -> datetime:
    return START + hours * HOUR


def settlements(prints: Sequence[Print], symbol: str = "S", venue: str = "v") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "venue": venue,
            "venue_symbol": symbol,
            "funding_time": [at(hours) for hours, _, _ in prints],
            "funding_rate": [rate for _, rate, _ in prints],
            "interval_hours": [interval for _, _, interval in prints],
        },
        schema_overrides={
            "venue": pl.String,
            "venue_symbol": pl.String,
            "funding_time": UTC_TIME,
            "funding_rate": pl.Float64,
            "interval_hours": pl.Float64,
        },
    )


def steady(interval: int, hours: range, rate: float = 1e-5) -> list[Print]:
    """One settlement per interval, each at its own rate, so that no two windows look alike."""
    due = range(hours.start, hours.stop, interval)
    return [(float(hour), rate * (1 + n), float(interval)) for n, hour in enumerate(due)]


def predictions(
    rows: Sequence[tuple[float, float | None, float | None, float | None]], symbol: str = "S"
) -> pl.DataFrame:
    """Rows of: hours at which observed, predicted rate, interval, hours at which it settles."""
    return pl.DataFrame(
        {
            "venue": "v",
            "venue_symbol": symbol,
            "observed_at": [at(observed) for observed, _, _, _ in rows],
            "predicted_rate": [rate for _, rate, _, _ in rows],
            "interval_hours": [interval for _, _, interval, _ in rows],
            "next_funding_time": [None if due is None else at(due) for _, _, _, due in rows],
        },
        schema_overrides={
            "venue": pl.String,
            "venue_symbol": pl.String,
            "observed_at": UTC_TIME,
            "predicted_rate": pl.Float64,
            "interval_hours": pl.Float64,
            "next_funding_time": UTC_TIME,
        },
    )
