"""Hours in which a venue pauses the funding of an asset class, so that nothing was due.

Of what is traded elsewhere, shares or metals, a venue may settle nothing at weekends, on holidays
or while their exchange is halted. Some venues do and others do not, so that no hour is assumed: a
pause is what all instruments of the class on that venue share. Coins trade always.
"""

from typing import Final

import polars as pl

from funding_platform.core.completeness import BETWEEN, SCHEMA
from funding_platform.core.market.asset_classes import ASSET_CLASSES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.time_grid import HOUR

PAUSING: Final = tuple(name for name in ASSET_CLASSES if name not in ("crypto", "other"))
"""Asset classes whose funding a venue may pause: coins trade always."""

PAUSE_SYMBOLS: Final = 2
"""Hours in a row that so many instruments of such a class lack, and none has, are a pause."""


def without_pauses(
    missing: pl.DataFrame, settlements: pl.DataFrame, classes: pl.DataFrame
) -> pl.DataFrame:
    """Leave out what lies in a pause that all instruments of an asset class on a venue share.

    In hours that follow each other at least ``PAUSE_SYMBOLS`` instruments of a class in ``PAUSING``
    lack a settlement between others, and none of the class has one. A pause that has not ended yet
    looks like an end, and stays missing until it has.

    Parameters
    ----------
    missing
        Frame of ``SCHEMA``.
    settlements
        All settlements around them: ``venue``, ``venue_symbol`` and ``funding_time``.
    classes
        ``venue``, ``venue_symbol`` and ``asset_class``.
    """
    pausing = classes.filter(pl.col("asset_class").is_in(PAUSING)).select(
        *INSTRUMENT_KEY, "asset_class"
    )
    if pausing.is_empty() or missing.is_empty():
        return missing
    place = ["venue", "asset_class", "hour"]
    settled = settlements.join(pausing, on=INSTRUMENT_KEY).select(
        "venue", "asset_class", pl.col("funding_time").dt.round("1h").alias("hour")
    )
    hour = pl.col("missing_time").dt.round("1h").alias("hour")
    lacking = missing.filter(kind=BETWEEN).join(pausing, on=INSTRUMENT_KEY).with_columns(hour)
    of_class, run = place[:2], (pl.col("hour").diff() > HOUR).fill_null(value=False).cum_sum()
    paused = (
        lacking.join(settled, on=place, how="anti")
        .sort(place)
        .with_columns(run.over(of_class).alias("run"))
        .filter(pl.col("venue_symbol").n_unique().over(*of_class, "run") >= PAUSE_SYMBOLS)
        .select(SCHEMA.names())
    )
    return missing.join(paused, on=SCHEMA.names(), how="anti", maintain_order="left")
