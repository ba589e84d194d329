"""Computed assets, by month: one for each table of ``flows.features.tables``.

What an asset depends on, and which partitions of it, is derived from the table's inputs; what is
shown of its rows is said here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter
from types import MappingProxyType
from typing import Any

import dagster as dg
import polars as pl

from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_MODELS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.freshness import BUILT_HOURLY
from funding_platform.defs.partitions import BY_RANGE, MONTHLY, mapping_of
from funding_platform.defs.presentation import (
    OWNERS,
    definition_metadata,
    frame_metadata,
    png_metadata,
    speed_metadata,
    table_key,
)
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.features.computed import ComputedTable
from funding_platform.flows.features.tables import COMPUTED
from funding_platform.venues.registry import offering
from funding_platform.views.pca_pictures import explained_picture, loadings_picture
from funding_platform.views.pictures import curve_picture

Picture = Callable[[pl.DataFrame], bytes]

ONLY_CHANGED = "funding/only_changed"
"""Run tag: rebuild what has changed since the last run, not the whole partition."""

PICTURES: Mapping[str, Mapping[str, Picture]] = MappingProxyType(
    {
        CURVE_SNAPSHOTS.full_name: {"curves": curve_picture},
        PCA_MODELS.full_name: {
            "loadings": loadings_picture,
            "explained variance": explained_picture,
        },
    }
)
"""What draws the rows just written, as PNG, for the metadata: by table, and by what it shows."""


def feature_asset(computed: ComputedTable, venues: Sequence[str]) -> dg.AssetsDefinition:
    """Define one computed table, rebuilt a month or a range of months at a time."""
    table = computed.table

    @dg.asset(
        key=table_key(table),
        description=table.description,
        deps=list(_dependencies(computed, venues)),
        partitions_def=MONTHLY,
        backfill_policy=BY_RANGE,
        group_name="features",
        owners=OWNERS,
        kinds={"python", "polars", "duckdb"},
        metadata=definition_metadata(table),
        freshness_policy=BUILT_HOURLY,
    )
    def feature(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        span = context.partition_time_window
        work = computed.refresh if ONLY_CHANGED in context.run.tags else computed.rebuild
        began = perf_counter()
        frame = work(Window(span.start, span.end), lake.settings, context.run.run_id)
        speed = speed_metadata(frame.height, perf_counter() - began)
        pictures = PICTURES.get(table.full_name, {})
        drawn = {what: png_metadata(draw(frame), what) for what, draw in pictures.items()}
        metadata: dict[str, Any] = {**frame_metadata(frame, table), **speed, **drawn}
        if ONLY_CHANGED not in context.run.tags:  # an hour's worth of it would fill the event log
            metadata["dagster/column_lineage"] = lineage_of(computed, venues)
        context.add_asset_metadata(metadata)
        return dg.MaterializeResult()

    return feature


def _dependencies(computed: ComputedTable, venues: Sequence[str]) -> Iterator[dg.AssetDep]:
    """Yield the assets that write the table's inputs: a collected table has one per venue."""
    for source in computed.inputs:
        for key in _keys(source.table, venues):
            yield dg.AssetDep(key, partition_mapping=mapping_of(source))


def _keys(table: Table, venues: Sequence[str]) -> list[dg.AssetKey]:
    """List the assets that write a table: a collected one has one per venue."""
    if table.schema == "core":
        return [raw_key(venue, table) for venue in offering(table, venues)]
    return [table_key(table)]


def lineage_of(computed: ComputedTable, venues: Sequence[str]) -> dg.TableColumnLineage:
    """Write which columns of which assets each column is computed from."""
    return dg.TableColumnLineage(
        {
            name: [
                dg.TableColumnDep(asset_key=key, column_name=column)
                for table, column in dict.fromkeys(sources)
                for key in _keys(table, venues)
            ]
            for name, sources in computed.lineage().items()
        }
    )


def feature_assets(venues: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Define all computed assets, downstream of the given venues."""
    return [feature_asset(computed, venues) for computed in COMPUTED]
