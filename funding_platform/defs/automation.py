"""When runs start: collection, refreshes of history, transforms, and a daily backtest.

Each decision is a pure function of the clock and of what has been materialised; sensors and
schedules are shells around them.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import floor_hour, month_start
from funding_platform.defs.features import ONLY_CHANGED
from funding_platform.defs.jobs import BACKTEST, COLLECT, HISTORY, TRANSFORM
from funding_platform.defs.raw import HISTORIES, raw_key
from funding_platform.venues.registry import offering

HOUR_KEY = "%Y-%m-%d-%H:%M"
MONTH_KEY = "%Y-%m-%d"

TRANSFORM_DEADLINE = timedelta(minutes=10)
"""How long into the hour the transforms wait for venues that have not answered."""

LATE_CORRECTIONS = timedelta(days=2)
"""How long after its end a month is still refreshed."""


def months_to_refresh(now: datetime) -> list[str]:
    """Partition keys of the running month and, early in it, of the one before."""
    months = {month_start(now - LATE_CORRECTIONS), month_start(now)}
    return [f"{month:{MONTH_KEY}}" for month in sorted(months)]


def transform_is_due(now: datetime, venues: Collection[str], arrived: Collection[str]) -> bool:
    """Tell whether the hour's transforms may start: all venues in, or the deadline passed.

    With not one venue in, there is nothing new to transform.
    """
    if not arrived:
        return False
    return set(venues) <= set(arrived) or now - floor_hour(now) >= TRANSFORM_DEADLINE


def sensors(venues: list[str]) -> list[dg.SensorDefinition]:
    """Make the sensors of the hourly collection, and of the transforms that follow it."""

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

    @dg.sensor(
        name="transform_after_collection",
        job_name=TRANSFORM,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the transforms once an hour, when all venues are in or after "
        f"{TRANSFORM_DEADLINE.seconds // 60} minutes.",
    )
    def transform_after_collection(
        context: dg.SensorEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        now = datetime.now(UTC)
        arrived = _venues_in(context.instance, venues, floor_hour(now))
        if not transform_is_due(now, venues, arrived):
            return dg.SkipReason(f"{len(arrived)} of {len(venues)} venues are in")
        hour = f"{floor_hour(now):{HOUR_KEY}}"
        return dg.RunRequest(
            run_key=f"transform-{hour}",
            partition_key=f"{month_start(now):{MONTH_KEY}}",
            tags={ONLY_CHANGED: "true"},
        )

    return [hourly_collection, transform_after_collection]


def schedules(venues: list[str]) -> list[dg.ScheduleDefinition]:
    """Say when history is refreshed, and when the backtest is run again.

    What settled at 00, 08 and 16 UTC can be asked for a few minutes later.
    """

    @dg.schedule(
        name="history_after_rolls",
        job_name=HISTORY,
        cron_schedule="20 0,8,16 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Refreshes the running month and, early in it, the one before; one run per "
        "venue: one outage stays one outage.",
    )
    def history_after_rolls(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        now = context.scheduled_execution_time.astimezone(UTC)
        for month in months_to_refresh(now):
            for venue in venues:
                keys = [raw_key(venue, table) for table in HISTORIES if offering(table, [venue])]
                if not keys:
                    continue
                yield dg.RunRequest(
                    run_key=f"{venue}-{month}-{now:%Y-%m-%dT%H}",
                    partition_key=month,
                    asset_selection=keys,
                    tags={"venue": venue},
                )

    daily_backtest = dg.ScheduleDefinition(
        name="daily_backtest",
        job_name=BACKTEST,
        cron_schedule="40 1 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Runs the example backtest over what has been settled since; the check "
        "edge_holds sets its newest trades beside those of its first run.",
    )
    return [history_after_rolls, daily_backtest]


def _venues_in(instance: dg.DagsterInstance, venues: list[str], hour: datetime) -> set[str]:
    """Find the venues whose snapshot of the hour has been materialised."""
    partition = f"{hour:{HOUR_KEY}}"
    arrived = set()
    for venue in venues:
        found = instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=raw_key(venue, MARKET_SNAPSHOTS), asset_partitions=[partition]
            ),
            limit=1,
        )
        if found.records:
            arrived.add(venue)
    return arrived
