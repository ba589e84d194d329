"""The feature store in the lake: built a month at a time, read as of an instant."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from funding_platform.core.tables.feature_store import FEATURE_STORE
from funding_platform.core.tables.features import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.pca import PCA_COMPONENTS, PCA_SCORES
from funding_platform.core.time_grid import Window
from funding_platform.curves import build_features, get_features
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.errors import FlowError
from funding_platform.flows.features.computed import ComputedTable, Input
from funding_platform.flows.features.curves import INSTRUMENT_BASES, read_bases
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

SHOWN_FEATURES = (
    pl.format("{} {}", "venue", "venue_symbol").alias("instrument"),
    pl.col("as_of"),
    *((pl.col(name) * 100).round(2).alias(f"{name} %/y") for name in ("level", "slope")),
    *(pl.col(name).round(2) for name in ("level_z", "slope_z")),
    pl.col("half_life_hours").round(1).alias("half-life h"),
    pl.col("shock_age").alias("shock age"),
    (pl.col("dispersion") * 100).round(2).alias("dispersion %/y"),
    (pl.col("basis") * 1e4).round(2).alias("basis bp"),
    *(pl.col(f"pca_{pc}").round(3).alias(pc) for pc in PCA_COMPONENTS),
)
"""What of an instrument's features fits on a terminal."""

_CURVES = Input(CURVE_SNAPSHOTS, "as_of")
_FACTORS = Input(CURVE_FACTORS, "as_of")
_SCORES = Input(PCA_SCORES, "as_of")


def _join_features(lake: Lake, window: Window) -> pl.DataFrame:
    """Join the stored curves, factors and scores with ``as_of`` in the window."""
    return build_features(
        current_rows(lake, _CURVES.read(lake, window), "as_of"),
        _FACTORS.read(lake, window),
        _SCORES.read(lake, window),
        read_bases(lake, window),
    )


FEATURES = ComputedTable(
    FEATURE_STORE,
    "feature store",
    (_CURVES, _FACTORS, _SCORES, INSTRUMENT_BASES),
    _join_features,
)


def features_at(
    as_of: datetime,
    settings: Settings,
    *,
    bases: Sequence[str] = (),
    venue: str | None = None,
    kind: str = "settled",
) -> pl.DataFrame:
    """What was known at an instant of the instruments of some bases, or of all.

    Raises
    ------
    FlowError
        If no instrument has such a base, or nothing was known.
    """
    with connect(settings) as connection:
        listed = connection.execute(
            "SELECT venue, venue_symbol FROM core.instruments "
            "WHERE ($bases = [] OR list_contains($bases, base)) "
            "AND coalesce(venue = $venue, true)",
            {"bases": list(bases), "venue": venue},
        ).fetchall()
        found = get_features(as_of, listed, connection, kind=kind).drop_nulls("as_of")
    if found.is_empty():
        what = ", ".join(bases) or "any instrument"
        raise FlowError(
            f"no {kind} features of {what} were known at {as_of:%Y-%m-%d %H:%M} UTC",
            hint='see `funding query "SELECT DISTINCT base FROM core.instruments"` for the bases, '
            "and materialise features/feature_store of that month",
        )
    return found
