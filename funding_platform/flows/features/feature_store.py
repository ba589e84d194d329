"""The wide join of all features, from the tables that they are kept in."""

import polars as pl

from funding_platform.core.tables.feature_store import FEATURE_STORE
from funding_platform.core.tables.features import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.pca import PCA_SCORES
from funding_platform.core.time_grid import Window
from funding_platform.curves import build_features
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.features.computed import ComputedTable, Input
from funding_platform.flows.features.curves import INSTRUMENT_BASES, read_bases
from funding_platform.lake.writer import Lake

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
