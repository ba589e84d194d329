"""What curves say: the factor table, from curves, the bases of instruments and market snapshots.

``shape`` looks at one strip, ``trailing`` at the instrument's own past, ``dispersion`` at its
peers, ``market`` at what was quoted. A factor is null where something it needs is missing; whether
a strip with interpolated buckets is good enough is for the reader of ``usable`` to decide.

Instruments are taken a few at a time: their strips then stay in the processor's cache, and what is
computed with costs no memory that grows with history.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.frames import Frame, polars_frame
from funding_platform.core.market.asset_classes import asset_key
from funding_platform.core.system.shards import Spread, map_shards
from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import (
    BUCKETS,
    CURVE_FACTORS,
    CURVE_KEY,
    CURVE_SNAPSHOTS,
)
from funding_platform.core.tables.schema import Type
from funding_platform.core.time_grid import HOUR_US, TENOR, to_us
from funding_platform.curves.dispersion import Levels, dispersion
from funding_platform.curves.errors import CurveError
from funding_platform.curves.inputs import Instruments
from funding_platform.curves.market import MARKET_LOOK_BACK, market_factors
from funding_platform.curves.shape import (
    decay_ratios,
    guarded,
    half_life,
    robust_scale,
    shock_age,
)
from funding_platform.curves.trailing import TRAILING, TrailingWindows

FACTOR_LOOK_BACK: Final = max(TRAILING, MARKET_LOOK_BACK)
"""How far before a curve the curves and snapshots lie that its factors depend on."""

_ROWS_AT_ONCE = 1 << 15

BESIDE: Final = Spread("threads", workers=2)
"""NumPy lets go of the interpreter while it computes; more would only wait for memory."""


def curve_factors(
    curves: Frame,
    *,
    instruments: Frame | None = None,
    snapshots: Frame | None = None,
    since: datetime | None = None,
    spread: Spread = BESIDE,
) -> pl.DataFrame:
    """Compute the factors of curves; ``core.tables.features.curves`` has formula and unit of each.

    A factor depends on nothing that became available after its curve. It does depend on what came
    before: rows less than ``FACTOR_LOOK_BACK`` after the first curve handed over lack their past.
    Whoever asks for a part of history hands that over too, and says where the part begins.

    Frames are of Polars, pandas or Arrow.

    Parameters
    ----------
    curves
        ``features.curve_snapshots``, settled and live, usable or not, in any order.
    instruments
        ``venue``, ``venue_symbol``, ``base`` and, where it is known, ``asset_class`` of
        ``core.instruments``. They are names, not observations, and hold for all times. Without
        them there is no dispersion.
    snapshots
        ``venue``, ``venue_symbol``, ``observed_at``, ``mark_price``, ``index_price`` and
        ``open_interest_base`` of ``core.market_snapshots``. Without them there is neither basis
        nor change of open interest.
    since
        Curves as of before it are the past of the others, and get no row; all get one when None.
    spread
        Where instruments are worked on, a few at a time.

    Returns
    -------
    polars.DataFrame
        ``features.curve_factors``: one row per curve, sorted by its key.

    Raises
    ------
    CurveError
        If what is given is no frame, or ``since`` has no zone.
    """
    if since is not None and since.tzinfo is None:
        raise CurveError(f"since is {since}, without a zone", hint="it is a time in UTC")
    strips = CURVE_SNAPSHOTS.typed(polars_frame("curves", curves, CurveError))
    if strips.is_empty():
        return CURVE_FACTORS.empty()
    numbering = Instruments(strips)
    strips, owner = _sorted(strips, numbering)
    settled = (strips["kind"] == "settled").to_numpy()
    wanted = np.ones(len(owner), dtype=np.bool_)
    if since is not None:  # and what their dispersion looks at
        wanted = strips["as_of"].to_physical().to_numpy() >= to_us(since - TENOR)
    pieces = [
        (strips[rows], owner[rows], settled[rows], wanted[rows]) for rows in _in_pieces(owner)
    ]
    factors = pl.concat(map_shards(_own_factors, pieces, spread), rechunk=False)
    if since is not None:
        strips, owner, settled = strips.filter(wanted), owner[wanted], settled[wanted]
    columns = {}
    if instruments is not None:
        listed = INSTRUMENTS.typed(polars_frame("instruments", instruments, CurveError))
        columns["dispersion"] = _dispersion(strips, factors, owner, settled, listed, numbering)
    if snapshots is not None:
        seen = MARKET_SNAPSHOTS.typed(polars_frame("snapshots", snapshots, CurveError))
        columns["basis"], columns["open_interest_change"] = market_factors(
            owner, strips["available_at"], seen, numbering
        )
    found = strips.select(*CURVE_KEY, "available_at").with_columns(
        *factors.get_columns(), *(_column(name, values) for name, values in columns.items())
    )
    return CURVE_FACTORS.conform(found if since is None else found.filter(pl.col("as_of") >= since))


def _sorted(curves: pl.DataFrame, numbering: Instruments) -> tuple[pl.DataFrame, Ints]:
    """Sort curves by instrument and as-of time; return the number of each one's instrument too."""
    owner = numbering.numbers(curves)
    as_of = curves["as_of"].to_physical().to_numpy()
    step = np.diff(owner)
    # At one time there may be two curves: which kind comes first matters for the table only.
    if ((step < 0) | ((step == 0) & (np.diff(as_of) <= 0))).any():
        curves = curves.sort(CURVE_KEY)
        owner = numbering.numbers(curves)
    return curves, owner


def _in_pieces(owner: Ints) -> Iterator[slice]:
    """Yield consecutive rows of whole instruments, about as many as stay in the cache."""
    ends = np.flatnonzero(np.append(np.diff(owner) != 0, True)) + 1
    start = 0
    while start < len(owner):
        at = min(int(np.searchsorted(ends, start + _ROWS_AT_ONCE)), len(ends) - 1)
        yield slice(start, int(ends[at]))
        start = int(ends[at])


def _own_factors(piece: tuple[pl.DataFrame, Ints, Flags, Flags]) -> pl.DataFrame:
    """Compute the factors that need nothing but the instruments' own curves, of those wanted."""
    curves, owner, settled, wanted = piece
    buckets = np.array(curves.select(BUCKETS).to_numpy().T)
    buckets[0], outlier = guarded(buckets)
    slope = buckets[7] - buckets[0]
    past_level, past_slope = buckets[0][settled], slope[settled]
    if not wanted.all():
        buckets, slope, outlier = buckets[:, wanted], slope[wanted], outlier[wanted]
    microseconds = curves["as_of"].to_physical().to_numpy()
    hour = -(-microseconds // HOUR_US)
    trailing = TrailingWindows(owner[settled], hour[settled], owner[wanted], hour[wanted])
    factors = {
        "outlier": outlier,
        "level": buckets[0],
        "slope": slope,
        "curvature": buckets[2] + buckets[5] - 2.0 * buckets[3],
        **{f"decay_{k}": ratio for k, ratio in enumerate(decay_ratios(buckets))},
        "shock_age": shock_age(buckets, robust_scale(buckets)[1]),
        "half_life_hours": half_life(buckets),
        "level_z": trailing.scores(past_level, buckets[0]),
        "slope_z": trailing.scores(past_slope, slope),
    }
    return pl.DataFrame([_column(name, values) for name, values in factors.items()])


def _column(name: str, values: Floats) -> pl.Series:
    """Return values as the declared type, null where NaN."""
    series = pl.Series(name, values, nan_to_null=True)
    declared = CURVE_FACTORS.column(name).type
    return series if declared is Type.REAL else series.cast(declared.polars)


def _dispersion(
    curves: pl.DataFrame,
    factors: pl.DataFrame,
    owner: Ints,
    settled: Flags,
    instruments: pl.DataFrame,
    numbering: Instruments,
) -> Floats:
    """Compute the dispersion of the guarded level among the settled curves, and the live ones."""
    if "asset_class" not in instruments.columns:
        instruments = instruments.with_columns(pl.lit(None, pl.String).alias("asset_class"))
    named = numbering.names.join(
        instruments.select(*INSTRUMENT_KEY, asset_key().alias("asset")),
        on=INSTRUMENT_KEY,
        how="left",
        maintain_order="left",
    )
    base = named["asset"].rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    venue = named["venue"].rank("dense").cast(pl.Int64).to_numpy()
    level = factors["level"].to_numpy()
    as_of, available = (curves[name].to_physical().to_numpy() for name in ("as_of", "available_at"))
    levels = Levels(owner, as_of, available, level)
    if settled.all() or not settled.any():
        return dispersion(levels, base, venue)
    found = np.full(len(owner), np.nan)
    for rows in (settled, ~settled):
        found[rows] = dispersion(levels.take(rows), base, venue)
    return found
