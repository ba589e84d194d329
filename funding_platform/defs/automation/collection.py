"""The sensors of the hourly collection: one look at all venues, and second chances."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from funding_platform.core.time_grid import floor_hour
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.automation.hours import (
    looks_of,
    stored_of,
    wanted_of,
)
from funding_platform.defs.automation.tags import VENUE_TAG
from funding_platform.defs.partitions import HOUR_KEY
from funding_platform.defs.running.jobs import COLLECT
from funding_platform.flows.collection.timing.chances import (
    CHANCES,
    is_looking,
    latest_chance,
    to_ask_again,
)

_MINUTES = ", ".join(f"{after.seconds // 60}" for after in CHANCES)


def hourly_collection() -> dg.SensorDefinition:
    """Define the sensor that asks for one look at all venues an hour."""

    @dg.sensor(
        name="hourly_collection",
        job_name=COLLECT,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests one collection per hour; the run key carries the hour.",
    )
    def hourly_collection() -> dg.RunRequest:
        hour = f"{floor_hour(datetime.now(UTC)):{HOUR_KEY}}"
        return dg.RunRequest(run_key=f"collect-{hour}", partition_key=hour)

    return hourly_collection


def second_chances(venues: Sequence[str]) -> dg.SensorDefinition:
    """Define the sensor that has each venue which owes something of the hour asked again, alone.

    Its cursor is the chance that is done with, which saves the ticks in between their questions.
    That nothing is asked twice is due to the run keys.
    """
    wanted = wanted_of(venues)

    @dg.sensor(
        name="second_chances",
        job_name=COLLECT,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Asks a venue that failed in the hourly collection again, alone, {_MINUTES} "
        "minutes past the hour.",
    )
    def second_chances(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        chance = latest_chance(now)
        if chance is None or context.cursor == chance.isoformat():
            return dg.SkipReason("no venue is to be asked again yet")
        hour = floor_hour(now)
        looks = looks_of(context.instance, hour)
        if is_looking(looks):
            return dg.SkipReason("a look at all venues is under way")
        owed = to_ask_again(chance, wanted, stored_of(context.instance, wanted, hour), looks)
        requests = [
            dg.RunRequest(
                run_key=f"again-{venue}-{chance:{HOUR_KEY}}",
                partition_key=f"{hour:{HOUR_KEY}}",
                asset_selection=[raw_key(venue, table) for table in tables],
                tags={VENUE_TAG: venue},
            )
            for venue, tables in owed.items()
        ]
        nothing = None if requests else "no venue owes anything of this hour"
        return dg.SensorResult(
            run_requests=requests, skip_reason=nothing, cursor=chance.isoformat()
        )

    return second_chances
