"""When history is refreshed: thrice a day whole, and the backtest over it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from funding_platform.defs.automation.tags import VENUE_TAG
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.defs.running.jobs import BACKTEST, AssetJob, history_job_name, history_keys
from funding_platform.flows.collection.timing.refreshes import latest_refresh, months_to_refresh


def history_after_rolls(venues: Sequence[str], jobs: Sequence[AssetJob]) -> dg.SensorDefinition:
    """Define the sensor that refreshes history; its cursor is the refresh that was asked for.

    A sensor, for a schedule starts one job, and each venue's history is one of its own. After a
    pause of the daemon the last refresh is made up for, and those before it are not.
    """

    @dg.sensor(
        name="history_after_rolls",
        jobs=jobs,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes the running month and, early in it, the one before, at 00:20, 08:20 "
        "and 16:20 UTC; one run per venue: one outage stays one outage.",
    )
    def history_after_rolls(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        refresh = latest_refresh(datetime.now(UTC))
        if context.cursor == refresh.isoformat():
            return dg.SkipReason("the last refresh has been asked for")
        requests = [
            dg.RunRequest(
                job_name=history_job_name(venue),
                run_key=f"{venue}-{month:{MONTH_KEY}}-{refresh:%Y-%m-%dT%H}",
                partition_key=f"{month:{MONTH_KEY}}",
                tags={VENUE_TAG: venue},
            )
            for month in months_to_refresh(refresh)
            for venue in venues
            if history_keys(venue)
        ]
        return dg.SensorResult(run_requests=requests, cursor=refresh.isoformat())

    return history_after_rolls


def daily_backtest() -> dg.ScheduleDefinition:
    """Define the schedule that runs the backtest again."""
    return dg.ScheduleDefinition(
        name="daily_backtest",
        job_name=BACKTEST,
        cron_schedule="40 1 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Runs the example backtest over what has been settled since; the check "
        "edge_holds sets its newest trades beside those of its first run.",
    )
