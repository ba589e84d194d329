"""Equity frames for tests, and the slow way to what is computed from them."""

import math
from datetime import UTC, date, datetime, timedelta

import polars as pl

from funding_platform.core.tables.schema import UTC_TIME

START = datetime(2025, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def equity_frame(rows: list[tuple[datetime, float]]) -> pl.DataFrame:
    """Rows of time and equity as a frame."""
    return pl.DataFrame(rows, schema={"time": UTC_TIME, "equity": pl.Float64}, orient="row")


def daily(*values: float, start: datetime = START) -> pl.DataFrame:
    """One row per day from the start."""
    return equity_frame([(start + k * DAY, value) for k, value in enumerate(values)])


def slow_daily_returns(rows: list[tuple[datetime, float]]) -> list[tuple[date, float]]:
    """Walk midnight by midnight and look the equity up anew each time."""
    rows = sorted(rows, key=lambda row: row[0])
    first, last = rows[0][0], rows[-1][0]
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    marks = []
    while midnight < last:
        if midnight > first:
            marks.append(midnight)
        midnight += DAY
    marks.append(last)
    before, found = rows[0][1], []
    for mark in marks:
        if mark == first:
            continue
        now = [value for time, value in rows if time <= mark][-1]
        found.append(((mark - timedelta(microseconds=1)).date(), now / before - 1))
        before = now
    return found


def slow_sharpe(returns: list[float]) -> float:
    """Mean over sample deviation, annualised, in plain Python."""
    mean = sum(returns) / len(returns)
    variance = sum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
    return mean / math.sqrt(variance) * math.sqrt(365)


def slow_drawdown(values: list[float]) -> float:
    """Every pair of a peak and a later trough."""
    return max(1 - later / earlier for k, earlier in enumerate(values) for later in values[k:])
