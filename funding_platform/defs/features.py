"""Computed assets: curves and their factors, by month."""

from collections.abc import Callable, Sequence

import dagster as dg
import polars as pl

from funding_platform.core.feature_tables import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.schema import Table
from funding_platform.core.tables import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import Window
from funding_platform.defs.partitions import (
    BY_RANGE,
    HOURS_OF_THE_MONTH,
    MONTH_AND_THE_ONE_BEFORE,
    MONTHLY,
)
from funding_platform.defs.presentation import OWNERS, definition_metadata, frame_metadata
from funding_platform.defs.raw import raw_key
from funding_platform.defs.resources import LakeResource
from funding_platform.flows.curves import update_curve_factors, update_curve_snapshots
from funding_platform.settings import Settings
from funding_platform.venues.registry import offering


def feature_key(table: Table) -> dg.AssetKey:
    """``features/<table>``."""
    return dg.AssetKey([table.schema, table.name])


def feature_asset(
    table: Table,
    update: Callable[[Window, Settings, str], pl.DataFrame],
    deps: Sequence[dg.AssetDep],
) -> dg.AssetsDefinition:
    """One computed table, rebuilt a month or a range of months at a time."""

    @dg.asset(
        key=feature_key(table),
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
        frame = update(Window(span.start, span.end), lake.settings, context.run.run_id)
        return dg.MaterializeResult(metadata=frame_metadata(frame))

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
        ),
        feature_asset(
            CURVE_FACTORS, update_curve_factors, [dg.AssetDep(feature_key(CURVE_SNAPSHOTS))]
        ),
    ]
