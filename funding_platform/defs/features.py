"""Computed assets, by month: curves, their factors, their PCA, and the feature store."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import dagster as dg
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.feature_store import FEATURE_STORE
from funding_platform.core.tables.features import (
    CURVE_FACTORS,
    CURVE_SNAPSHOTS,
    PCA_MODELS,
    PCA_SCORES,
)
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.defs.partitions import (
    BY_RANGE,
    HOURS_OF_THE_MONTH,
    MONTH_AND_THE_ONE_BEFORE,
    MONTH_AND_THE_THREE_BEFORE,
    MONTHLY,
)
from funding_platform.defs.presentation import (
    OWNERS,
    definition_metadata,
    frame_metadata,
    png_metadata,
    table_key,
)
from funding_platform.defs.raw import raw_key
from funding_platform.defs.resources import LakeResource
from funding_platform.flows.features.curves import (
    follow_curve_factors,
    follow_curve_snapshots,
    update_curve_factors,
    update_curve_snapshots,
)
from funding_platform.flows.features.feature_store import follow_feature_store, update_feature_store
from funding_platform.flows.features.pca import (
    follow_pca_models,
    follow_pca_scores,
    update_pca_models,
    update_pca_scores,
)
from funding_platform.settings import Settings
from funding_platform.venues.registry import offering
from funding_platform.views.pca_pictures import explained_picture, loadings_picture
from funding_platform.views.pictures import curve_picture

Update = Callable[[Window, Settings, str], pl.DataFrame]
Picture = Callable[[pl.DataFrame], bytes]

ONLY_CHANGED = "funding/only_changed"
"""Run tag: rebuild what has changed since the last run, not the whole partition."""


def feature_asset(
    table: Table,
    update: Update,
    deps: Sequence[dg.AssetDep],
    *,
    follow: Update,
    pictures: Mapping[str, Picture] = MappingProxyType({}),
) -> dg.AssetsDefinition:
    """One computed table, rebuilt a month or a range of months at a time.

    Parameters
    ----------
    follow
        What a run tagged with `ONLY_CHANGED` does instead of the update.
    pictures
        What draws the rows just written, as PNG, for the metadata, by what it shows.
    """

    @dg.asset(
        key=table_key(table),
        description=table.description,
        deps=deps,
        partitions_def=MONTHLY,
        backfill_policy=BY_RANGE,
        group_name="features",
        owners=OWNERS,
        kinds={"python", "polars", "duckdb"},
        metadata=definition_metadata(table),
    )
    def feature(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        span = context.partition_time_window
        work = follow if ONLY_CHANGED in context.run.tags else update
        frame = work(Window(span.start, span.end), lake.settings, context.run.run_id)
        drawn = {what: png_metadata(draw(frame), what) for what, draw in pictures.items()}
        return dg.MaterializeResult(metadata={**frame_metadata(frame), **drawn})

    return feature


def feature_assets(venues: Sequence[str]) -> list[dg.AssetsDefinition]:
    """All computed assets, downstream of the given venues."""
    return [
        feature_asset(
            CURVE_SNAPSHOTS,
            update_curve_snapshots,
            [
                dg.AssetDep(raw_key(venue, table), partition_mapping=mapping)
                for table, mapping in (
                    (FUNDING_RATES, MONTH_AND_THE_ONE_BEFORE),
                    (MARKET_SNAPSHOTS, HOURS_OF_THE_MONTH),
                )
                for venue in offering(table, venues)
            ],
            follow=follow_curve_snapshots,
            pictures={"curves": curve_picture},
        ),
        feature_asset(
            CURVE_FACTORS,
            update_curve_factors,
            [
                dg.AssetDep(table_key(CURVE_SNAPSHOTS), partition_mapping=MONTH_AND_THE_ONE_BEFORE),
                *(
                    dg.AssetDep(raw_key(venue, table), partition_mapping=HOURS_OF_THE_MONTH)
                    for table in (INSTRUMENTS, MARKET_SNAPSHOTS)
                    for venue in offering(table, venues)
                ),
            ],
            follow=follow_curve_factors,
        ),
        feature_asset(
            PCA_MODELS,
            update_pca_models,
            [dg.AssetDep(table_key(CURVE_SNAPSHOTS), partition_mapping=MONTH_AND_THE_THREE_BEFORE)],
            follow=follow_pca_models,
            pictures={"loadings": loadings_picture, "explained variance": explained_picture},
        ),
        feature_asset(
            PCA_SCORES,
            update_pca_scores,
            [
                dg.AssetDep(table_key(CURVE_SNAPSHOTS)),
                dg.AssetDep(table_key(PCA_MODELS), partition_mapping=MONTH_AND_THE_THREE_BEFORE),
            ],
            follow=follow_pca_scores,
        ),
        feature_asset(
            FEATURE_STORE,
            update_feature_store,
            [
                *(
                    dg.AssetDep(table_key(table))
                    for table in (CURVE_SNAPSHOTS, CURVE_FACTORS, PCA_SCORES)
                ),
                *(
                    dg.AssetDep(raw_key(venue, INSTRUMENTS), partition_mapping=HOURS_OF_THE_MONTH)
                    for venue in offering(INSTRUMENTS, venues)
                ),
            ],
            follow=follow_feature_store,
        ),
    ]
