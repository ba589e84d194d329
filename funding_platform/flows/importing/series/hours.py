"""From bars of some minutes to bars of an hour, and what of them cannot be one. Pure.

A bar is left out, and its file and line are named, that has a price of zero or less or none, a high
below its low or one that does not hold its open and its close, that does not begin on the grid of
its length, or that is told twice with other prices. An hour is put together of its bars: the first
open, the highest high, the lowest low, the last close, the sum of the volumes. One that lacks some
of its bars is kept and counted; one that lacks more than half is left out, for a file that begins
or ends within it says nothing of its close.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import polars as pl

from funding_platform.core.order import in_order
from funding_platform.core.tables.schema import instant
from funding_platform.core.time_grid import HOUR, HOUR_US
from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.series.files import too_coarse
from funding_platform.flows.importing.series.mapping import PRICES, VOLUMES
from funding_platform.flows.importing.series.sifting import (
    Sifted,
    counted,
    each_once,
    same_as_before,
    sift,
)

_MINUTE_US: Final = 60_000_000

_TELLING: Final = 0.05
"""The share of gaps below which none is taken for the length of a bar: some rows lie off a grid."""

NOT_OVER: Final = "is not over yet"
NOT_CLOSED: Final = "was not over when it was read"
CUT: Final = "begins or ends within its hour: more than half of that hour is not there"

INCOMPLETE: Final = pl.Schema(
    {
        "file": pl.UInt32(),
        "line": pl.Int64(),
        "open_time": pl.Datetime("us", "UTC"),
        "bars": pl.UInt32(),
        "whole": pl.Int64(),
    }
)
"""Hours that lack some of their bars."""


class Hourly(NamedTuple):
    """Bars of an hour, what was left out (``sifting.FAULTS``), and what lacks some of its bars.

    ``incomplete`` has ``file``, ``line``, ``open_time``, ``bars`` and ``whole``, how many bars an
    hour should have.
    """

    bars: pl.DataFrame
    left_out: pl.DataFrame
    incomplete: pl.DataFrame


def hourly(rows: pl.DataFrame, key: Sequence[str], files: Sequence[str], now: datetime) -> Hourly:
    """Bars of an hour, each once, sorted by ``key`` and ``open_time``.

    Parameters
    ----------
    rows
        What ``BarsFile`` gives, with ``file``; all rows of some instruments.
    key
        Columns that tell a series from the others.
    files
        Names by the number in ``file``.
    now
        Bars that end later are not over.

    Raises
    ------
    DumpError
        If the bars of a file are longer than an hour, or no part of one, or overlap, or if nothing
        tells how long they are.
    """
    ordered = in_order(rows, [*key, "open_time", "file", "line"])
    closed, running = sift(ordered, pl.when(~pl.col("closed")).then(pl.lit(NOT_CLOSED)))
    once, disputed = each_once(closed, [*key, "open_time"], PRICES, "is told")
    timed = once.join(
        _lengths(once, key, files), on=[*key, "file"], how="left", maintain_order="left"
    )
    placed, faulty = sift(timed, pl.coalesce(_fault(), _misplaced(now)))
    whole = placed.filter(pl.col("length_us") == HOUR_US)
    parts = placed.filter(pl.col("length_us") < HOUR_US)
    told = [running, disputed, faulty]
    incomplete = INCOMPLETE.to_frame()
    if parts.is_empty():
        return Hourly(whole, pl.concat(told), incomplete)
    (put_together, cut), incomplete = _put_together(parts, key, now)
    both = pl.concat([whole, put_together], how="diagonal").sort(*key, "open_time", "file")
    bars, twice = each_once(both, [*key, "open_time"], PRICES, "is told")
    return Hourly(bars, pl.concat([*told, cut, twice]), incomplete)


def _fault() -> pl.Expr:
    """Why a row is no bar."""
    high, low = pl.col("high"), pl.col("low")
    lowest, highest = pl.min_horizontal(PRICES), pl.max_horizontal(PRICES)
    blank = pl.any_horizontal(pl.col(name).is_null() for name in PRICES)
    return (
        pl.when(blank)
        .then(pl.lit("has no open, high, low or close"))
        .when(lowest <= 0)
        .then(pl.lit("has a price of zero or less"))
        .when(high < low)
        .then(pl.lit("has a high below its low"))
        .when((high < highest) | (low > lowest))
        .then(pl.lit("has an open or a close beyond its high and low"))
        .when(pl.any_horizontal(pl.col(name) < 0 for name in VOLUMES))
        .then(pl.lit("has a volume below zero"))
    )


def _lengths(ordered: pl.DataFrame, key: Sequence[str], files: Sequence[str]) -> pl.DataFrame:
    """How long the bars of each series are in each file: ``length_us``."""
    gap = pl.when(same_as_before([*key, "file"])).then(pl.col("open_time").diff())
    seen = (
        ordered.select(*key, "file", "line", "bar", gap.dt.total_microseconds().alias("gap_us"))
        .group_by(*key, "file")
        .agg(
            pl.col("gap_us").quantile(_TELLING, "lower").cast(pl.Int64),
            pl.col("bar").first().dt.total_microseconds().alias("stated_us"),
            pl.col("line").min(),
        )
        .with_columns(pl.coalesce("stated_us", "gap_us").alias("length_us"))
        .sort("file", "line")
    )
    length, stated = pl.col("length_us"), pl.col("stated_us")
    for wrong, why in (
        (length.is_null(), "one bar does not tell how long it is: say --map bar=1h"),
        (pl.col("gap_us") < stated, None),
        (length > HOUR_US, None),
        ((HOUR_US % length != 0) | (length % _MINUTE_US != 0), None),
    ):
        found = seen.filter(wrong)
        if not found.is_empty():
            raise _unusable(found.row(0, named=True), files, why)
    return seen.select(*key, "file", "length_us")


def _unusable(row: dict[str, int], files: Sequence[str], why: str | None) -> DumpError:
    """Why the bars of a file cannot be read as parts of an hour."""
    file = files[row["file"]]
    if why is not None:
        return DumpError(file, why, line=row["line"])
    length = _words(row["length_us"])
    if None not in (row["stated_us"], row["gap_us"]) and row["gap_us"] < row["stated_us"]:
        return DumpError(
            file,
            f"bars of {length} come {_words(row['gap_us'])} after each other: they overlap",
            hint="say how long they are: --map bar=1m",
        )
    if row["length_us"] > HOUR_US:
        return too_coarse(file, length, seen=row["stated_us"] is None)
    return DumpError(
        file,
        f"bars come {length} apart: that is no part of an hour",
        hint="bars of 1, 5, 15, 30 and 60 minutes can be read",
    )


def _misplaced(now: datetime) -> pl.Expr:
    """Why a bar is not one of the grid of its length up to now."""
    opened = pl.col("open_time").dt.epoch("us")
    length = pl.col("length_us")
    return (
        pl.when(opened % length != 0)
        .then(pl.lit("does not begin on the grid of its length"))
        .when(pl.col("open_time") + pl.duration(microseconds=length) > instant(now))
        .then(pl.lit(NOT_OVER))
    )


def _put_together(
    parts: pl.DataFrame, key: Sequence[str], now: datetime
) -> tuple[Sifted, pl.DataFrame]:
    """Hours of bars that are parts of one, and those that lack some."""
    others = [
        name
        for name in parts.columns
        if name not in (*key, "open_time", "length_us", "line", *PRICES, *VOLUMES)
    ]
    hours = (
        parts.with_columns(pl.col("open_time").dt.truncate("1h"))
        .group_by(*key, "open_time", "length_us", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            *(
                pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)
                for name in VOLUMES
            ),
            *(pl.col(name).first() for name in others),
            pl.col("line").first(),
            pl.len().alias("bars"),
        )
        .with_columns((HOUR_US // pl.col("length_us")).alias("whole"))
    )
    over = pl.col("open_time") + HOUR <= instant(now)
    reason = (
        pl.when(~over)
        .then(pl.lit(NOT_OVER))
        .when(2 * pl.col("bars") < pl.col("whole"))
        .then(pl.lit(CUT))
    )
    told = hours.select("file", "line", "bars", reason.alias("reason")).drop_nulls("reason")
    left_out = counted(told.select("file", "line", "reason"))
    kept = hours.filter(over, 2 * pl.col("bars") >= pl.col("whole"))
    incomplete = kept.filter(pl.col("bars") < pl.col("whole")).select(INCOMPLETE.names())
    return Sifted(kept.drop("bars", "whole"), left_out), incomplete.cast(INCOMPLETE)


def _words(microseconds: int) -> str:
    """Say a length of time as people do."""
    length = timedelta(microseconds=microseconds)
    if length % timedelta(days=1) == timedelta(0):
        return f"{length.days} days" if length.days > 1 else "a day"
    minutes = length / timedelta(minutes=1)
    return f"{minutes / 60:g} hours" if minutes > 60 else f"{minutes:g} minutes"
