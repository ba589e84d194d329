"""What Dagster knows of the collections of an hour.

Dagster's own records are asked, not ``core.collection_log``: that a look is queued or under way
stands only there, and a tick every half minute must not open the lake.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import dagster as dg

from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.automation.tags import PARTITION_TAG, VENUE_TAG
from funding_platform.defs.partitions import HOUR_KEY, HOURLY_TABLES
from funding_platform.defs.running.jobs import COLLECT
from funding_platform.flows.collection.timing.chances import Look, Wanted
from funding_platform.venues.registry import offering


def wanted_of(venues: Sequence[str]) -> list[Wanted]:
    """List what an hour should have of some venues."""
    return [(venue, table) for table in HOURLY_TABLES for venue in offering(table, venues)]


def stored_of(
    instance: dg.DagsterInstance, wanted: Iterable[Wanted], hour: datetime
) -> set[Wanted]:
    """Find what has been materialised for an hour."""
    partition = f"{hour:{HOUR_KEY}}"
    stored = set()
    for venue, table in wanted:
        found = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=raw_key(venue, table), asset_partitions=[partition]),
            limit=1,
        )
        if found.records:
            stored.add((venue, table))
    return stored


def looks_of(instance: dg.DagsterInstance, hour: datetime) -> list[Look]:
    """Find the runs that collect an hour."""
    records = instance.get_run_records(
        dg.RunsFilter(job_name=COLLECT, tags={PARTITION_TAG: f"{hour:{HOUR_KEY}}"})
    )
    return [
        Look(
            began=record.create_timestamp.astimezone(UTC),
            over=record.dagster_run.is_finished,
            venue=record.dagster_run.tags.get(VENUE_TAG),
        )
        for record in records
    ]
