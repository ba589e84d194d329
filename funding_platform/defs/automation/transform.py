"""The sensor of the transforms that follow each hour's collection."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import floor_hour, month_start
from funding_platform.defs.assets.features import ONLY_CHANGED
from funding_platform.defs.automation.hours import stored_of
from funding_platform.defs.partitions import HOUR_KEY, MONTH_KEY
from funding_platform.defs.running.jobs import TRANSFORM
from funding_platform.flows.transform_times import TRANSFORM_DEADLINE, transform_is_due
from funding_platform.venues.registry import offering

MISSING_TAG = "funding/missing_venues"
"""Run tag: the venues whose snapshot of the hour the transforms did not wait for any longer."""


def transform_after_collection(venues: Sequence[str]) -> dg.SensorDefinition:
    """Define the sensor that starts the transforms once an hour; its cursor is the hour done."""
    collected = offering(MARKET_SNAPSHOTS, venues)

    @dg.sensor(
        name="transform_after_collection",
        job_name=TRANSFORM,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the transforms once an hour, when all venues are in or after "
        f"{TRANSFORM_DEADLINE.seconds // 60} minutes; a tag names the venues that are missing.",
    )
    def transform_after_collection(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        hour = floor_hour(now)
        key = f"{hour:{HOUR_KEY}}"
        if context.cursor == key:
            return dg.SkipReason("the transforms of this hour have been asked for")
        wanted = [(venue, MARKET_SNAPSHOTS) for venue in collected]
        arrived = {venue for venue, _ in stored_of(context.instance, wanted, hour)}
        if not transform_is_due(now, collected, arrived):
            return dg.SkipReason(f"{len(arrived)} of {len(collected)} venues are in")
        missing = [venue for venue in collected if venue not in arrived]
        request = dg.RunRequest(
            run_key=f"transform-{key}",
            partition_key=f"{month_start(now):{MONTH_KEY}}",
            tags={ONLY_CHANGED: "true"} | ({MISSING_TAG: ",".join(missing)} if missing else {}),
        )
        return dg.SensorResult(run_requests=[request], cursor=key)

    return transform_after_collection
