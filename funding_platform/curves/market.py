"""What the market looked like when a curve became available: basis and open interest.

Only snapshots that had been observed by then have a say.
"""

import numpy as np
import polars as pl

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.assumptions import SNAPSHOT_STALE_AFTER
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.time_grid import TENOR
from funding_platform.curves.inputs import Instruments

MARKET_LOOK_BACK = TENOR + SNAPSHOT_STALE_AFTER
"""How far before a curve's ``available_at`` a snapshot may have been observed and still count."""

_COLUMNS = ("mark_price", "index_price", "open_interest_base")


def market_factors(
    instrument: Ints, available: pl.Series, snapshots: pl.DataFrame, instruments: Instruments
) -> tuple[Floats, Floats]:
    """Compute basis and relative change of open interest over one tenor, as of each curve.

    ``basis = (mark - index) / index`` of the newest snapshot observed at ``available`` or up to
    two hours before; ``oi / oi_before - 1`` of it and of the newest snapshot observed a tenor, up
    to two hours more, before ``available``. A snapshot that lacks the figure gives none: an older
    one is not put in its place.

    Parameters
    ----------
    instrument, available
        Of each curve, shape (n,).
    snapshots
        ``venue``, ``venue_symbol``, ``observed_at``, ``mark_price``, ``index_price`` and
        ``open_interest_base`` of ``core.market_snapshots``, in any order.
    instruments
        The numbering; snapshots of other instruments are passed over.

    Returns
    -------
    tuple
        Basis and change, shape (n,) each, NaN where there is none.
    """
    numbered = instruments.names.with_row_index("instrument").cast({"instrument": pl.Int64})
    seen = (
        snapshots.join(numbered, on=INSTRUMENT_KEY)
        .select("instrument", "observed_at", *_COLUMNS)
        .sort("observed_at", *_COLUMNS)
    )
    curves = pl.DataFrame(
        {"row": np.arange(len(instrument)), "instrument": instrument, "at": available}
    )
    now = _newest(curves, seen)
    before = _newest(curves.with_columns(pl.col("at") - TENOR), seen)
    mark, index, held = (now[name].to_numpy() for name in _COLUMNS)
    held_before = before["open_interest_base"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return _finite((mark - index) / index), _finite(held / held_before - 1.0)


def _newest(curves: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Find the newest snapshot of each curve's instrument at ``at`` that is not stale, or nulls."""
    joined = curves.sort("at").join_asof(
        seen,
        left_on="at",
        right_on="observed_at",
        by="instrument",
        tolerance=SNAPSHOT_STALE_AFTER,
        check_sortedness=False,
    )
    return joined.sort("row").select(pl.col(_COLUMNS).cast(pl.Float64))


def _finite(values: Floats) -> Floats:
    """Put NaN for what a zero, an infinity or a NaN has spoilt."""
    return np.where(np.isfinite(values), values, np.nan)
