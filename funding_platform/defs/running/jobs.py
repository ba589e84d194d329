"""The runs that make assets, apart so that an outage of a venue never skips a transformation."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import MAX_RETRIES_TAG, MAX_RUNTIME_SECONDS_TAG, PRIORITY_TAG

from funding_platform.defs.assets.raw import HISTORIES, raw_key
from funding_platform.defs.partitions import BY_THE_HOUR
from funding_platform.venues.registry import offering, venue_spec

COLLECT = "collect_hourly"
TRANSFORM = "transform"
BACKTEST = "backtest"
CHECK_PARTITIONS = "check_partitions"

FAILED_PARTITIONS = "failed_partitions"
"""The check of a history that asks Dagster what is missing: it has a job of its own, once a day."""

HISTORY_TAG = "funding/history"
"""Run tag: by it `dagster.yaml` leaves a place to runs that are not of history. What is perishable
goes first there, and then what is made of it."""

AssetJob: TypeAlias = UnresolvedAssetJobDefinition
"""A job as it is before the assets that it selects are known."""


def longest(**span: float) -> dict[str, str]:
    """Say after how long run monitoring ends a run: one that hangs holds its pool that long."""
    return {MAX_RUNTIME_SECONDS_TAG: f"{timedelta(**span).total_seconds():.0f}"}


def history_job_name(venue: str) -> str:
    """Return the name of the job of a venue's history; names take no colon, as in ``ccxt:gate``."""
    return f"history_{venue.replace(':', '_')}"


def history_job(venue: str) -> AssetJob:
    """Define the job of one venue's history by month: each begins in a month of its own.

    A run whose worker was killed is started once more. One that failed by itself is not: its steps
    have been tried again where that may help (see ``retries``), and every other job comes again
    within the hour or the day.
    """
    return dg.define_asset_job(
        history_job_name(venue),
        selection=dg.AssetSelection.assets(*history_keys(venue))
        - dg.AssetSelection.checks(*_partition_checks([venue])),
        tags=longest(hours=6) | {MAX_RETRIES_TAG: "1", HISTORY_TAG: "true"},
        description="Refetch and replace whole months of settled rates, candles and open interest "
        f"of {venue_spec(venue).title}.",
    )


def history_keys(venue: str) -> list[dg.AssetKey]:
    """List the assets of a venue's history."""
    return [raw_key(venue, table) for table in HISTORIES if offering(table, [venue])]


def history_jobs(venues: Sequence[str]) -> list[AssetJob]:
    """Define the jobs of the histories of those venues that have one."""
    return [history_job(venue) for venue in venues if history_keys(venue)]


def _partition_checks(venues: Sequence[str]) -> list[dg.AssetCheckKey]:
    keys = (key for venue in venues for key in history_keys(venue))
    return [dg.AssetCheckKey(key, FAILED_PARTITIONS) for key in keys]


def partitions_job(venues: Sequence[str]) -> AssetJob:
    """Define the job of the checks that name the months which failed or are missing."""
    return dg.define_asset_job(
        CHECK_PARTITIONS,
        selection=dg.AssetSelection.checks(*_partition_checks(venues)),
        tags=longest(minutes=10),
        description="Name the months of histories that failed or are missing.",
    )


def collect_job(venues: list[str]) -> AssetJob:
    """Define the job of what all venues serve only as "now", for the running hour."""
    keys = [raw_key(venue, table) for table in BY_THE_HOUR for venue in offering(table, venues)]
    return dg.define_asset_job(
        COLLECT,
        selection=dg.AssetSelection.assets(*keys),
        tags=longest(minutes=10) | {PRIORITY_TAG: "2"},
        description="Look at every venue once.",
    )


def transform_job() -> AssetJob:
    """Define the job of features, marts and the published file."""
    return dg.define_asset_job(
        TRANSFORM,
        selection=dg.AssetSelection.groups(
            "features", "staging", "intermediate", "marts", "core", "published"
        ),
        tags=longest(hours=2) | {PRIORITY_TAG: "1"},
        description="Features of the month, all marts, and the published file.",
    )


def backtest_job() -> AssetJob:
    """Define the job of one backtest; which one is told by the configuration of the run."""
    return dg.define_asset_job(
        BACKTEST,
        selection=dg.AssetSelection.groups("backtest"),
        tags=longest(hours=2),
        description="Run a backtest over the lake as it is, store it, and check its books.",
    )
