"""The wide join of all features, from the tables that they are kept in."""

import polars as pl

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS, PCA_SCORES
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.curves import build_features
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.features.computed import ComputedTable, Feed, Input, by_name
from funding_platform.flows.features.curves import read_bases
from funding_platform.lake.writer import Lake


def _named_alike(table: Table) -> tuple[Feed, ...]:
    return by_name(*(column.name for column in table.columns if column in FEATURE_STORE.columns))


_SCORE_COLUMNS = ("model_id", *PCA_COMPONENTS, "residual", "residual_share")

_CURVES = Input(CURVE_SNAPSHOTS, "as_of", feeds=_named_alike(CURVE_SNAPSHOTS))
_FACTORS = Input(CURVE_FACTORS, "as_of", feeds=_named_alike(CURVE_FACTORS))
_SCORES = Input(
    PCA_SCORES,
    "as_of",
    feeds=(
        *by_name("available_at"),
        *(Feed((name,), (f"pca_{name}", f"venue_pca_{name}")) for name in _SCORE_COLUMNS),
    ),
)
_BASES = Input(INSTRUMENTS, None, feeds=by_name("base"))


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
    (_CURVES, _FACTORS, _SCORES, _BASES),
    _join_features,
)
