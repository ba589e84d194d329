"""Funding intervals that the data does not state, from the settlements before them.

The platform infers them from the neighbours on both sides (``core.intervals``) before it stores
them. A backtest may not: the settlement after was not known yet. Here an interval is the time since
the instrument's settlement before, in whole hours, where no hole can be between the two.
"""

from typing import Final

import numpy as np
import polars as pl

from funding_platform.backtest.data.contracts import few, names_of
from funding_platform.backtest.data.panel import first_rows
from funding_platform.core.intervals import HOLE
from funding_platform.core.time_grid import HOUR_US, MICROSECOND

INFERRED: Final = "interval_inferred"
"""True where the interval was inferred; no such column where none was."""


def with_intervals(rows: pl.DataFrame) -> pl.DataFrame:
    """Infer the intervals of settlements where there is null, as far as they can be.

    Look at the rows that lack one only, mostly few of tens of millions.

    Parameters
    ----------
    rows
        ``instrument``, ``funding_time`` and ``interval_hours``, by instrument and time.
    """
    missing = rows["interval_hours"].is_null().arg_true().to_numpy()
    owner, moment = (rows[name].to_physical().to_numpy() for name in ("instrument", "funding_time"))
    before = np.maximum(missing, 1) - 1  # the very first row is before itself: a gap of nothing
    gap = moment[missing] - moment[before]
    hours = np.round(gap / HOUR_US)
    sound = (owner[missing] == owner[before]) & (gap <= HOLE // MICROSECOND) & (hours > 0)
    if not sound.any():
        return rows
    found = missing[sound]
    inferred = np.zeros(rows.height, dtype=np.bool_)
    inferred[found] = True
    return rows.with_columns(
        rows["interval_hours"].clone().scatter(found, hours[sound]),
        pl.Series(INFERRED, inferred),
    )


def interval_notes(funding: pl.DataFrame, instruments: pl.DataFrame) -> tuple[str, ...]:
    """Say what a reader should know of the intervals: which are inferred, whose are unknown.

    Parameters
    ----------
    funding
        Settlements by instrument and time.
    instruments
        One row per instrument, by number.
    """
    notes = []
    if INFERRED in funding.columns and (count := funding[INFERRED].sum()):
        of = funding.filter(INFERRED)["instrument"].unique()
        notes.append(
            f"the interval of {count} settlements was inferred from the settlement before "
            f"({few(names_of(instruments[of]))})"
        )
    if funding["interval_hours"].null_count():
        nulls = funding.filter(pl.col("interval_hours").is_null())["instrument"].to_numpy()
        unknown = np.bincount(nulls, minlength=instruments.height)
        first = first_rows(funding["instrument"].to_numpy(), instruments.height)
        of = pl.Series(np.flatnonzero((unknown > 0) & (unknown == np.diff(first))))
        if len(of):
            notes.append(
                f"no interval is known of {len(of)} instruments, whose rates compare with none "
                f"({few(names_of(instruments[of]))})"
            )
    return tuple(notes)
