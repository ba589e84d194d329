"""The runs that make assets, apart so that an outage of a venue never skips a transformation."""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import MAX_RETRIES_TAG, MAX_RUNTIME_SECONDS_TAG

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.defs.raw import HISTORIES, raw_key
from funding_platform.venues.registry import offering

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

HISTORY = "history"
COLLECT = "collect_hourly"
TRANSFORM = "transform"
BACKTEST = "backtest"


def longest(**span: float) -> dict[str, str]:
    """Say after how long run monitoring ends a run: one that hangs holds its pool that long."""
    return {MAX_RUNTIME_SECONDS_TAG: f"{timedelta(**span).total_seconds():.0f}"}


def history_job(venues: list[str]) -> "UnresolvedAssetJobDefinition":
    """Define the job of history by month; schedules ask for one venue at a time.

    A run whose worker was killed is started once more. One that failed by itself is not: its steps
    have been tried again where that may help (see ``retries``), and every other job comes again
    within the hour or the day.
    """
    keys = [raw_key(venue, table) for table in HISTORIES for venue in offering(table, venues)]
    return dg.define_asset_job(
        HISTORY,
        selection=dg.AssetSelection.assets(*keys),
        tags=longest(hours=6) | {MAX_RETRIES_TAG: "1"},
        description="Refetch and replace whole months of settled rates, candles and open interest.",
    )


def collect_job(venues: list[str]) -> "UnresolvedAssetJobDefinition":
    """Define the job of instruments and market snapshots of all venues, for the running hour."""
    keys = [
        raw_key(venue, table)
        for table in (INSTRUMENTS, MARKET_SNAPSHOTS)
        for venue in offering(table, venues)
    ]
    return dg.define_asset_job(
        COLLECT,
        selection=dg.AssetSelection.assets(*keys),
        tags=longest(minutes=10),
        description="Look at every venue once.",
    )


def transform_job() -> "UnresolvedAssetJobDefinition":
    """Define the job of features, marts and the published file."""
    return dg.define_asset_job(
        TRANSFORM,
        selection=dg.AssetSelection.groups(
            "features", "staging", "intermediate", "marts", "core", "published"
        ),
        tags=longest(hours=2),
        description="Features of the month, all marts, and the published file.",
    )


def backtest_job() -> "UnresolvedAssetJobDefinition":
    """Define the job of one backtest; which one is told by the configuration of the run."""
    return dg.define_asset_job(
        BACKTEST,
        selection=dg.AssetSelection.groups("backtest"),
        tags=longest(hours=2),
        description="Run a backtest over the lake as it is, store it, and check its books.",
    )
