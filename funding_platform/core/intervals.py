"""The funding interval, inferred from neighbouring settlements where the venue omits it.

A settlement pays for the time since the one before it, so its interval is the gap before it:

1. gaps are rounded to whole hours, because settlements come late by seconds or minutes;
2. a single wide gap between two equal narrower ones that divide it is a missing settlement, not
   a longer interval (``4 h, 8 h, 4 h`` is 4 h with one settlement lost);
3. the first settlement, and the first one after more than half a day without any, takes the gap
   after it: no venue here has intervals above 8 h, so a wider gap is a hole (daily funding, as on
   BitMEX before 2016-06, is found by the gap after);
4. with no neighbour within a day the interval is unknown: null, never 8.

Every decision looks at most ``CONTEXT`` to either side, so a window split anywhere gives the
same intervals as the whole, as long as each part is read with that much context.
"""

from datetime import timedelta

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY

CONTEXT = timedelta(hours=25)
"""How far a neighbour may lie: the longest interval in use (24 h) and an hour of lateness."""

HOLE = timedelta(hours=12)
"""A gap above this is a hole in the series, not an interval."""


def infer_intervals(settlements: pl.DataFrame) -> pl.DataFrame:
    """Fill ``interval_hours`` from neighbouring settlements and mark where that was done.

    Parameters
    ----------
    settlements
        Columns ``venue``, ``venue_symbol``, ``funding_time`` and ``interval_hours`` (null where
        the venue states none); one row per settlement, in any order.

    Returns
    -------
    polars.DataFrame
        The same rows sorted by venue, symbol and time, with ``interval_hours`` in hours and
        ``interval_inferred`` true where the value comes from the neighbours.
    """
    gap, hours = pl.col("gap"), pl.col("hours")
    earlier, after = pl.col("earlier"), pl.col("after")
    frame = (
        settlements.sort([*INSTRUMENT_KEY, "funding_time"])
        .with_columns(gap_before().alias("gap"))
        .with_columns(_whole_hours(gap).alias("hours"))
        .with_columns(
            pl.when(gap <= HOLE).then(hours).alias("before"),
            pl.when(gap + gap.shift(1) <= CONTEXT).then(hours.shift(1)).alias("earlier"),
            pl.when(gap.shift(-1) <= CONTEXT).then(hours.shift(-1)).alias("after"),
        )
    )
    lost_settlement = (earlier == after) & (hours > earlier) & (hours % earlier == 0)
    inferred = (
        pl.when(lost_settlement)
        .then(earlier)
        .otherwise(pl.coalesce("before", "after"))
        .cast(pl.Float64)
    )
    return frame.with_columns(
        pl.coalesce("interval_hours", inferred),
        (pl.col("interval_hours").is_null() & inferred.is_not_null()).alias("interval_inferred"),
    ).drop("gap", "hours", "before", "earlier", "after")


def gap_before() -> pl.Expr:
    """Measure the time since the symbol's settlement before, null for its first; of sorted rows.

    One pass over sorted rows, where a window function would group them anew.
    """
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in INSTRUMENT_KEY)
    return pl.when(same).then(pl.col("funding_time").diff())


def _whole_hours(gap: pl.Expr) -> pl.Expr:
    """Express a gap in whole hours, null when it is shorter than half an hour."""
    hours = (gap.dt.total_seconds() / 3600).round(0)
    return pl.when(hours > 0).then(hours.cast(pl.Int64))
