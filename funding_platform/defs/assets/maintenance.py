"""The jobs that keep the lake and Dagster's home small; nothing else waits for them."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from funding_platform.defs.assets.dbt import target_folder
from funding_platform.defs.running.jobs import longest
from funding_platform.defs.running.resources import LakeResource
from funding_platform.defs.running.retention import drop_dbt_targets, forget_reports, forget_runs
from funding_platform.lake.upkeep.maintenance import maintain

MAINTENANCE = "maintenance"
RETENTION = "retention"


@dg.op(description="Merge small files, expire old snapshots, drop rows beyond retention.")
def maintain_lake(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Maintain the lake within the retention of the settings; what was done is metadata."""
    settings = lake.settings
    report = maintain(settings, keep_days=settings.snapshot_retention_days)
    context.add_output_metadata(
        {
            **{f"rows_dropped/{name}": rows for name, rows in report.rows_dropped.items()},
            "snapshots_expired": report.snapshots_expired,
            "files_before": report.files_before,
            "files_after": report.files_after,
            "leftovers_removed": report.leftovers_removed,
            "files_unknown": report.files_unknown,
            "bytes_before": report.bytes_before,
            "bytes_after": report.bytes_after,
        }
    )
    for warning in filter(None, (report.pause, report.vacuum_fault)):
        context.log.warning(warning)


@dg.op(description="Delete Dagster's records of old runs, and what dbt compiled for them.")
def forget_old_runs(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Forget the runs beyond the retention of the settings; how many is metadata."""
    now = datetime.now(UTC)
    settings = lake.settings
    oldest = now - timedelta(days=settings.run_retention_days)
    hourly = timedelta(days=settings.hourly_run_days)
    context.add_output_metadata(
        {
            "runs_forgotten": forget_runs(
                context.instance, oldest, now - hourly if hourly else None
            ),
            "reports_forgotten": forget_reports(
                context.instance, now - hourly if hourly else oldest
            ),
            "dbt_targets_dropped": drop_dbt_targets(target_folder(), now),
        }
    )


@dg.job(
    name=MAINTENANCE,
    tags=longest(hours=2),
    description="Merge small files and drop what is beyond its retention.",
)
def maintenance_job() -> None:
    """Run an op of no asset: maintenance makes none."""
    maintain_lake()


@dg.job(
    name=RETENTION,
    tags=longest(minutes=30),
    description="Forget the runs, events and reports that are beyond their retention.",
)
def retention_job() -> None:
    """Run an op of no asset."""
    forget_old_runs()


def maintenance_schedule() -> dg.ScheduleDefinition:
    """Schedule maintenance once a day, when neither a collection nor a transform is under way."""
    return dg.ScheduleDefinition(
        name="maintenance_daily",
        job=maintenance_job,
        cron_schedule="40 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Keeps the lake small; time travel reaches back as far as snapshots are kept.",
    )


def retention_schedule() -> dg.ScheduleDefinition:
    """Schedule retention four times a day: a day's records of runs take the room of a month's."""
    return dg.ScheduleDefinition(
        name="retention_each_six_hours",
        job=retention_job,
        cron_schedule="50 3,9,15,21 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Keeps Dagster's home small: of days gone by, the last run of each job stays.",
    )
