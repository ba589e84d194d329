"""Curves as arrays for the PCA: one row per usable strip, instruments numbered, sorted by time.

A strip that is not usable stays out, and so does one that claims to be and lacks a bucket: no
missing value enters a fit or a score.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_KEY
from funding_platform.core.tables.features.pca import PCA_TRANSFORMS
from funding_platform.core.time_grid import MICROSECOND, TENOR
from funding_platform.curves.errors import CurveError
from funding_platform.curves.inputs import Instruments

Transform: TypeAlias = Literal["yield", "log1p"]
"""One of ``core.tables.features.pca.PCA_TRANSFORMS``."""

TENOR_US = TENOR // MICROSECOND


@dataclass(frozen=True, slots=True)
class StripRows:
    """Usable strips of one kind, sorted by instrument and time; arrays of shape (n,).

    ``as_of`` and ``available`` are in microseconds since the epoch, ``values`` of shape (n, 8) in
    fractions per year, newest bucket first.
    """

    instrument: Ints
    as_of: Ints
    available: Ints
    values: Floats

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "StripRows":
        """Read the rows of a frame with a column ``instrument`` and those of the curve table."""
        return cls(
            frame["instrument"].cast(pl.Int64).to_numpy(),
            frame["as_of"].dt.epoch("us").to_numpy(),
            frame["available_at"].dt.epoch("us").to_numpy(),
            np.column_stack([frame[name].to_numpy() for name in BUCKETS]),
        )


@dataclass(frozen=True, slots=True)
class PcaInput:
    """What a PCA reads of the curves.

    ``instruments`` has a row of venue and venue_symbol per number, sorted; ``seen`` the settled
    strips, usable or not, as numbers and as-of times; ``settled`` those that are fitted; ``usable``
    a frame of all that are scored, of either kind. Buckets are those of the transform.
    """

    instruments: pl.DataFrame
    seen: tuple[Ints, Ints]
    settled: StripRows
    usable: pl.DataFrame


def read_curves(curves: pl.DataFrame, transform: Transform) -> PcaInput:
    """Prepare curves: number instruments, sort and transform strips, leave out what is unusable.

    Raises
    ------
    CurveError
        If two curves share a key.
    """
    rows = curves.select(*CURVE_KEY, *BUCKETS, "usable", "available_at").sort(CURVE_KEY)
    instruments = Instruments(rows)
    rows = rows.with_columns(pl.Series("instrument", instruments.numbers(rows)))
    _refuse_duplicates(rows)
    rows = transformed(rows, transform)
    whole = pl.all_horizontal(pl.col(name).is_finite().fill_null(False) for name in BUCKETS)
    usable = rows.filter(pl.col("usable") & whole)
    seen = rows.filter(pl.col("kind") == "settled")
    return PcaInput(
        instruments.names,
        (seen["instrument"].to_numpy(), seen["as_of"].dt.epoch("us").to_numpy()),
        StripRows.of(usable.filter(pl.col("kind") == "settled")),
        usable,
    )


def transformed(strips: pl.DataFrame, transform: Transform) -> pl.DataFrame:
    """Return strips with their buckets b as they are, or as ``ln(1 + b)``, a year's growth in logs.

    A compounded yield is above -1; what is not has no logarithm, and its strip is left out.

    Raises
    ------
    CurveError
        If there is no such transform.
    """
    if transform not in PCA_TRANSFORMS:
        raise CurveError(
            f"there is no transform {transform!r}", hint=f"there are {', '.join(PCA_TRANSFORMS)}"
        )
    return strips if transform == "yield" else strips.with_columns(pl.col(BUCKETS).log1p())


def time_key(owner: Ints, time: Ints) -> Ints:
    """Make an integer that sorts as (owner, time) does, for whole seconds after the epoch."""
    return (owner << 35) | (time // 1_000_000)


def _refuse_duplicates(rows: pl.DataFrame) -> None:
    """Raise for the first of two sorted rows with one key."""
    twin = rows.filter(
        pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in CURVE_KEY)
    )
    if not twin.is_empty():
        first = twin.row(0, named=True)
        raise CurveError(
            f"{first['venue']} {first['venue_symbol']} has two {first['kind']} curves at "
            f"{first['as_of']:%Y-%m-%d %H:%M} UTC",
            hint="keep one row per (venue, venue_symbol, as_of, kind)",
        )
