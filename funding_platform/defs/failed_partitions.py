"""The daily check of what Dagster itself knows: months that failed, and months that nobody made.

The checks of ``checks`` ask the lake, which knows nothing of a run that was killed or never began.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from funding_platform.defs.partitions import MONTH_KEY, months_kept
from funding_platform.defs.presentation import figure_metadata
from funding_platform.defs.running.jobs import CHECK_PARTITIONS, FAILED_PARTITIONS, history_keys
from funding_platform.flows.checks.months import Failed, months_made
from funding_platform.venues.registry import venue_spec


def partition_checks(venues: Sequence[str]) -> dg.AssetChecksDefinition:
    """Define one check for each history of each venue, all of them one step."""
    months = {
        key: months_kept(venue_spec(venue), datetime.now(UTC))
        for venue in venues
        for key in history_keys(venue)
    }

    @dg.multi_asset_check(
        name=FAILED_PARTITIONS,
        specs=[
            dg.AssetCheckSpec(
                FAILED_PARTITIONS,
                asset=key,
                description="Every month is made that was due, by an attempt that has not failed "
                "since; of others it says since when.",
            )
            for key in months
        ],
        can_subset=True,
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        now = datetime.now(UTC)
        for one in sorted(context.selected_asset_check_keys):
            key = one.asset_key
            failed, under_way = _attempts(context.instance, key)
            answer = months_made(
                [_month(name) for name in months[key].get_partition_keys(now)],
                {_month(name) for name in context.instance.get_materialized_partitions(key)},
                failed,
                under_way,
                now,
            )
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=FAILED_PARTITIONS,
                passed=answer.passed,
                description=answer.verdict,
                metadata=figure_metadata(answer.figures),
            )

    return check


def partition_schedule() -> dg.ScheduleDefinition:
    """Schedule them once a day, when the refresh of the night is over."""
    return dg.ScheduleDefinition(
        name="failed_partitions_daily",
        job_name=CHECK_PARTITIONS,
        cron_schedule="50 4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Names the months that failed or are missing, and since when.",
    )


def _attempts(
    instance: dg.DagsterInstance, key: dg.AssetKey
) -> tuple[dict[datetime, Failed], set[datetime]]:
    """Return the months whose newest attempt has made nothing: it failed, or is under way."""
    log = instance.event_log_storage
    last = log.get_latest_asset_partition_materialization_attempts_without_materializations(key)
    failed, under_way = {}, set()
    for partition, (run_id, _) in last.items():
        record = instance.get_run_record_by_id(run_id)
        if record is None:
            continue
        if not record.dagster_run.is_finished:
            under_way.add(_month(partition))
        elif not record.dagster_run.is_success:
            began = record.create_timestamp.replace(tzinfo=UTC)
            failed[_month(partition)] = Failed(began, run_id, _made_at(instance, key, partition))
    return failed, under_way


def _made_at(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str) -> datetime | None:
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
    records = instance.fetch_materializations(wanted, limit=1).records
    return datetime.fromtimestamp(records[0].timestamp, UTC) if records else None


def _month(partition: str) -> datetime:
    return datetime.strptime(partition, MONTH_KEY).replace(tzinfo=UTC)
