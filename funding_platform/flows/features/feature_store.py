"""The feature store in the lake: built a month at a time, read as of an instant."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from funding_platform.core.tables.feature_store import FEATURE_STORE
from funding_platform.core.tables.features import (
    CURVE_FACTORS,
    CURVE_SNAPSHOTS,
    PCA_COMPONENTS,
    PCA_SCORES,
)
from funding_platform.core.time_grid import Window
from funding_platform.curves import build_features, get_features
from funding_platform.flows.collection.listings import current_rows
from funding_platform.flows.errors import FlowError
from funding_platform.flows.features.computed import (
    Input,
    changed,
    read_window,
    replace_window,
    version_to_follow,
)
from funding_platform.flows.features.curves import BASES
from funding_platform.flows.progress import step
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
            f"{BASES} WHERE ($bases = [] OR list_contains($bases, base)) "
            "AND coalesce(venue = $venue, true)",
            {"bases": list(bases), "venue": venue},
        ).fetchall()
        wanted = [(name, symbol) for name, symbol, _ in listed]
        found = get_features(as_of, wanted, connection, kind=kind).drop_nulls("as_of")
    if found.is_empty():
        what = ", ".join(bases) or "any instrument"
        raise FlowError(
            f"no {kind} features of {what} were known at {as_of:%Y-%m-%d %H:%M} UTC",
            hint='see `funding query "SELECT DISTINCT base FROM core.instruments"` for the bases, '
            "and materialise features/feature_store of that month",
        )
    return found
