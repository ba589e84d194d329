"""The feature store in the lake, built a month at a time; ``flows.queries.features`` reads it."""

import polars as pl

from funding_platform.core.tables.feature_store import FEATURE_STORE
from funding_platform.core.tables.features import (
    CURVE_FACTORS,
    CURVE_SNAPSHOTS,
    PCA_SCORES,
)
from funding_platform.core.time_grid import Window
from funding_platform.curves import build_features
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.features.computed import (
    Input,
    changed,
    read_window,
    replace_window,
    version_to_follow,
)
from funding_platform.flows.features.curves import BASES
from funding_platform.flows.progress import step
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

_INPUTS = tuple(Input(table, "as_of") for table in (CURVE_SNAPSHOTS, CURVE_FACTORS, PCA_SCORES))


def update_feature_store(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Join the stored curves, factors and scores with ``as_of`` in the window.

    Returns
    -------
    polars.DataFrame
        The rows of ``features.feature_store`` in the window.
    """
    with step("feature store"), Lake(settings) as lake:
        return _rejoin(lake, window, run_id)


def follow_feature_store(window: Window, settings: Settings, run_id: str) -> pl.DataFrame:
    """Join those rows of the window that can have changed since the last time.

    Returns
    -------
    polars.DataFrame
        The rows joined.
    """
    with step("feature store"), Lake(settings) as lake:
        return _rejoin(lake, changed(lake, FEATURE_STORE, _INPUTS, window), run_id)


def _rejoin(lake: Lake, window: Window, run_id: str) -> pl.DataFrame:
    version = version_to_follow(lake, window)
    curves, factors, scores = (read_window(lake, source.table, window) for source in _INPUTS)
    features = build_features(
        current_rows(lake, curves, "as_of"), factors, scores, lake.read(BASES)
    )
    replace_window(lake, FEATURE_STORE, features, window, run_id, version)
    return features
