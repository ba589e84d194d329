"""Equity as returns per UTC day and month: the ground that every ratio of a run stands on.

An equity frame moves at events, which come hourly on one venue and every eight hours on another.
Ratios taken from such a frame would depend on how often it happens to be written, so that they
are taken from days.
"""

from typing import Final

import polars as pl

from funding_platform.core.arrays import Floats
from funding_platform.core.tables.schema import UTC_TIME

DAYS_PER_YEAR: Final = 365
"""Perpetuals never close."""


def daily_returns(equity: pl.DataFrame) -> pl.DataFrame:
    """``r_k = E_k / E_(k-1) - 1`` between UTC midnights, from the opening equity to the last.

    ``E_k`` is the last equity at or before the k-th midnight after the start, so that a settlement
    at 00:00 belongs to the day that it closes; between rows equity is what it was. The first and
    the last day may be short. ``E_0`` is the first row: what a run pays on its first day counts.

    Parameters
    ----------
    equity
        Columns ``time`` (UTC) and ``equity`` (USD), in any order, at least one row.

    Returns
    -------
    polars.DataFrame
        ``day`` (the date that the return was made on), ``equity`` (at its end) and ``return``
        (fraction; null from the day on which nothing is left to earn on). Empty where all rows
        are of one instant.
    """
    curve = (
        equity.select(pl.col("time").cast(UTC_TIME), pl.col("equity").cast(pl.Float64))
        .sort("time", maintain_order=True)
        .unique("time", keep="last", maintain_order=True)
    )
    first, last = curve["time"][0], curve["time"][-1]
    midnights = pl.datetime_range(
        first.replace(hour=0, minute=0, second=0, microsecond=0), last, "1d", eager=True
    ).cast(UTC_TIME)
    ends = pl.concat([midnights.filter(midnights > first), pl.Series([last], dtype=UTC_TIME)])
    closing = (
        pl.DataFrame({"time": ends.unique(maintain_order=True)})
        .join_asof(curve, on="time", strategy="backward")
        .filter(pl.col("time") > first)
    )
    before = pl.col("equity").shift(1, fill_value=curve["equity"][0])
    return closing.select(
        day=(pl.col("time") - pl.duration(microseconds=1)).dt.date(),
        equity="equity",
        **{"return": pl.when(before > 0).then(pl.col("equity") / before - 1)},
    )


def known_returns(equity: pl.DataFrame) -> Floats:
    """Return the daily returns that are defined, in the order of time, shape (days,)."""
    return daily_returns(equity)["return"].drop_nulls().to_numpy()


def monthly_returns(equity: pl.DataFrame) -> pl.DataFrame:
    """Compound the daily returns of each calendar month.

    Parameters
    ----------
    equity
        As for ``daily_returns``.

    Returns
    -------
    polars.DataFrame
        ``year``, ``month`` (1 to 12) and ``return`` (fraction), in the order of time. A day
        without a return makes its month's null.
    """
    growth = pl.col("return") + 1
    return (
        daily_returns(equity)
        .group_by(
            pl.col("day").dt.year().alias("year"),
            pl.col("day").dt.month().alias("month"),
            maintain_order=True,
        )
        .agg(
            pl.when(growth.is_null().any())
            .then(None)
            .otherwise(growth.product() - 1)
            .alias("return")
        )
    )
