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

Rules 2 and 3 look at settlements that were still to come. ``interval_hours_known`` is what could be
told at the settlement: as stated, else the gap before where it is no hole, else null. Whatever is
decided or computed as of a time goes by that one; statistics of the past go by what is known now.
"""

from datetime import timedelta
from typing import Final

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY

CONTEXT = timedelta(hours=25)
"""How far a neighbour may lie: the longest interval in use (24 h) and an hour of lateness."""

HOLE = timedelta(hours=12)
"""A gap above this is a hole in the series, not an interval."""

KNOWN: Final = "interval_hours_known"
"""The interval as it could be told at the settlement; null where nothing before it tells."""


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
        The same rows sorted by venue, symbol and time, with ``interval_hours`` in hours,
        ``interval_inferred`` true where the value comes from the neighbours, and
        ``interval_hours_known``, which looks at no later row.
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
        pl.coalesce("interval_hours", pl.col("before").cast(pl.Float64)).alias(KNOWN),
    ).drop("gap", "hours", "before", "earlier", "after")


def as_known_in_time(settlements: pl.DataFrame) -> pl.DataFrame:
    """Put the interval that was known at each settlement in place of the one that is known now.

    Parameters
    ----------
    settlements
        Columns of ``core.funding_rates``. Rows that do not tell which intervals were inferred, for
        want of ``interval_inferred``, are taken to state them all.

    Returns
    -------
    polars.DataFrame
        The rows with ``interval_hours`` as stated, else ``interval_hours_known``. Where that is
        null it is looked for anew: rows that were stored before there was such a column lack it.
    """
    if "interval_inferred" not in settlements.columns or not settlements["interval_inferred"].any():
        return settlements
    inferred = pl.col("interval_inferred")
    known = pl.col(KNOWN) if KNOWN in settlements.columns else pl.lit(None, pl.Float64)
    rows = settlements.with_columns(
        pl.when(inferred).then(known).otherwise("interval_hours").alias("interval_hours")
    )
    if rows.filter(inferred)["interval_hours"].null_count() == 0:
        return rows
    gap = gap_before()
    before = pl.when(inferred & (gap <= HOLE)).then(_whole_hours(gap)).cast(pl.Float64)
    ordered = rows.sort([*INSTRUMENT_KEY, "funding_time"])
    return ordered.with_columns(pl.coalesce("interval_hours", before))


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
