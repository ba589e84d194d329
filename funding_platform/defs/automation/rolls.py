"""The sensors that follow the rolls: settled rates just after each, then the live curves."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import month_start
from funding_platform.defs.assets.features import ONLY_CHANGED
from funding_platform.defs.assets.raw import NEXT_ROLLS, raw_key
from funding_platform.defs.automation.tags import VENUE_TAG
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.defs.presentation import table_key
from funding_platform.defs.running.jobs import TRANSFORM, AssetJob, history_job_name
from funding_platform.flows.collection.timing.rolls import Refresh, roll_to_follow
from funding_platform.venues.registry import offering

ROLL_TAG: Final = "funding/roll"
"""Run tag: the roll that a run follows."""

_LOOKS: Final = 3
"""Snapshots whose announcements are read: the one before the roll is not the last for long."""

_FOLLOWED_FOR: Final = timedelta(hours=1)
"""How long after their start runs that follow a roll are waited for."""

_ROLL: Final = "%Y-%m-%dT%H:%M"


def funding_roll(venues: Sequence[str], jobs: Sequence[AssetJob]) -> dg.SensorDefinition:
    """Define the sensor that refreshes a venue's settled rates after each of its rolls.

    A venue whose refresh fails is not asked again for that roll: its next one, and
    ``history_after_rolls``, bring what was missed.
    """
    followed = [one for one in offering(MARKET_SNAPSHOTS, venues) if offering(FUNDING_RATES, [one])]

    @dg.sensor(
        name="funding_roll",
        jobs=jobs,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes a venue's settled rates just after each of its rolls, as its last "
        "snapshots announced them; one whose refresh takes long less often.",
    )
    def funding_roll(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        requests = []
        for venue in followed:
            announced = _announced(context.instance, venue)
            roll = roll_to_follow(now, announced, _last_refresh(context.instance, venue))
            if roll is not None:
                requests.append(_refresh_of(venue, roll))
        nothing = None if requests else "no roll is to be followed"
        return dg.SensorResult(run_requests=requests, skip_reason=nothing)

    return funding_roll


def curves_after_rolls() -> dg.SensorDefinition:
    """Define the sensor that refreshes the live curves once what followed a roll is in."""

    @dg.sensor(
        name="curves_after_rolls",
        job_name=TRANSFORM,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes the curves of the month when the refreshes after a roll have ended.",
    )
    def curves_after_rolls(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = datetime.now(UTC)
        lately = context.instance.get_runs(dg.RunsFilter(created_after=now - _FOLLOWED_FOR))
        following = [run for run in lately if ROLL_TAG in run.tags]
        done = [run for run in following if run.is_success]
        if not done or not all(run.is_finished for run in following):
            return dg.SkipReason("nothing has followed a roll, or it is under way")
        roll = max(run.tags[ROLL_TAG] for run in done)
        n_venues = sum(1 for run in done if run.tags[ROLL_TAG] == roll)
        return dg.RunRequest(
            run_key=f"curves-{roll}-{n_venues}",
            partition_key=f"{month_start(now):{MONTH_KEY}}",
            asset_selection=[table_key(table) for table in (CURVE_SNAPSHOTS, CURVE_FACTORS)],
            tags={ONLY_CHANGED: "true"},
        )

    return curves_after_rolls


def _refresh_of(venue: str, roll: datetime) -> dg.RunRequest:
    return dg.RunRequest(
        job_name=history_job_name(venue),
        run_key=f"roll-{venue}-{roll:{_ROLL}}",
        partition_key=f"{month_start(roll):{MONTH_KEY}}",
        asset_selection=[raw_key(venue, FUNDING_RATES)],
        tags={VENUE_TAG: venue, ROLL_TAG: f"{roll:{_ROLL}}"},
    )


def _announced(instance: dg.DagsterInstance, venue: str) -> set[datetime]:
    """Return when a venue's perpetuals were to settle next, as its latest snapshots said."""
    found = instance.fetch_materializations(raw_key(venue, MARKET_SNAPSHOTS), limit=_LOOKS)
    announced: set[datetime] = set()
    for record in found.records:
        told = record.asset_materialization
        rolls = told.metadata.get(NEXT_ROLLS) if told else None
        if isinstance(rolls, dg.JsonMetadataValue):
            announced.update(datetime.fromisoformat(str(roll)) for roll in rolls.value or ())
    return announced


def _last_refresh(instance: dg.DagsterInstance, venue: str) -> Refresh | None:
    """Return the latest refresh of a venue's settled rates."""
    latest = instance.get_latest_materialization_event(raw_key(venue, FUNDING_RATES))
    record = instance.get_run_record_by_id(latest.run_id) if latest else None
    if record is None or record.start_time is None:
        return None
    ended = record.end_time or record.start_time
    return Refresh(
        datetime.fromtimestamp(record.start_time, UTC), timedelta(seconds=ended - record.start_time)
    )
