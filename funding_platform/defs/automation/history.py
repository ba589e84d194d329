"""The schedules: refreshes of history, and a daily backtest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from funding_platform.core.time_grid import month_start
from funding_platform.defs.automation.hours import MONTH_KEY, VENUE_TAG
from funding_platform.defs.jobs import BACKTEST, HISTORY
from funding_platform.defs.raw import HISTORIES, raw_key
from funding_platform.venues.registry import offering

LATE_CORRECTIONS = timedelta(days=2)
"""How long after its end a month is still refreshed."""


def months_to_refresh(now: datetime) -> list[str]:
    """Partition keys of the running month and, early in it, of the one before."""
    months = {month_start(now - LATE_CORRECTIONS), month_start(now)}
    return [f"{month:{MONTH_KEY}}" for month in sorted(months)]


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
                    tags={VENUE_TAG: venue},
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
