"""What the shape of a curve says, each factor a difference of buckets.

A factor is null where a bucket that it needs is missing; whether a strip with interpolated buckets
is good enough is for the reader of ``usable`` to decide.
"""

from typing import Final

import polars as pl

from funding_platform.core.feature_tables import CURVE_FACTORS

FACTORS: Final = {
    "level": pl.col("b0"),
    "slope": pl.col("b7") - pl.col("b0"),
    "curvature": pl.col("b2") + pl.col("b5") - 2 * pl.col("b3"),
}
"""Each factor's formula, in fractions per year.

``level`` is the funding now; ``slope`` is positive where funding has fallen over the strip, as the
buckets run back in time; ``curvature`` is positive where it dipped in between.
"""


def curve_factors(curves: pl.DataFrame) -> pl.DataFrame:
    """Level, slope and curvature: ``b0``, ``b7 - b0`` and ``b2 + b5 - 2 * b3``.

    Parameters
    ----------
    curves
        ``features.curve_snapshots``, settled and live, usable or not.

    Returns
    -------
    polars.DataFrame
        ``features.curve_factors``: one row per curve, in the same order.
    """
    return CURVE_FACTORS.conform(curves.with_columns(**FACTORS))
