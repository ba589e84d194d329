"""Which rows of a file are of one settlement: sources round and cut its time."""

from datetime import timedelta
from typing import Final

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME

SAME_SETTLEMENT: Final = timedelta(minutes=1)
"""Two stamps of an instrument this close are one settlement."""


def with_slots(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort rows by instrument and time, with the settlement that each one is of as ``slot``.

    Each stamp is rounded on its own: to the full hour when it lies within a minute of it, else to
    the second; there, one that comes within two seconds of the one before is the same.
    """
    time = pl.col("venue_time")
    hour = time.dt.round("1h")
    near = (time - hour).abs() <= SAME_SETTLEMENT
    slot = pl.when(near).then(hour).otherwise(time.dt.round("1s"))
    ordered = rows.sort(*INSTRUMENT_KEY, "venue_time", "file", "line").with_columns(
        slot.cast(UTC_TIME).alias("slot")
    )
    before = pl.col("slot").shift()
    cut = same_instrument(1) & (pl.col("slot") - before <= timedelta(seconds=2))
    return ordered.with_columns(pl.when(cut).then(before).otherwise("slot").alias("slot"))


def begins_slot() -> pl.Expr:
    """Tell whether a row is the first of its settlement; of rows as ``with_slots`` sorts them."""
    return ~(same_instrument(1) & (pl.col("slot") == pl.col("slot").shift()))


def same_instrument(rows: int) -> pl.Expr:
    """Tell whether the row so many rows before is of the same instrument.

    One pass over sorted rows, where a window function would group them anew.
    """
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(rows) for name in INSTRUMENT_KEY)
    return same.fill_null(value=False)
