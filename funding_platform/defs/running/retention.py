"""What is forgotten of runs that ended long ago, so that Dagster's home stays small.

Dagster purges the ticks of sensors and schedules itself, as `dagster.yaml` says; runs it keeps for
ever. With a run go its events, and with those that it materialised anything, and that it asked a
check: a run that a partition owes its newest materialisation to is kept, or months that nobody
refetches would turn missing, and one that a check owes its newest result to.

What starts by itself runs some twenty times an hour, and of yesterday nobody looks at every hour.
So of runs that a sensor or a schedule started and that ended well, one of each job and venue is
kept of a day, its last, and of weeks before one of the week.
"""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
import sqlalchemy as db
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.tags import SCHEDULE_NAME_TAG, SENSOR_NAME_TAG

from funding_platform.core.parts import in_parts
from funding_platform.defs.alerts import subject_of
from funding_platform.defs.assets.marts import MARTS
from funding_platform.defs.partitions import BY_THE_HOUR

TARGETS_KEPT: Final = timedelta(days=1)
"""How long what dbt compiled for a run is kept: nothing reads it once the run is over."""

BY_DAY: Final = timedelta(days=7)
"""How long before the runs that are all kept one of each day is; before that, one of each week."""

_AT_ONCE: Final = 500


def forget_runs(
    instance: dg.DagsterInstance, before: datetime, hourly_before: datetime | None = None
) -> int:
    """Delete runs that ended, with their events; return how many.

    A run is kept as long as some asset, some month of it, or some check was last made by it.

    Parameters
    ----------
    before
        Runs that were made before are forgotten, however they ended.
    hourly_before
        Of those made before that started by themselves and ended well, all but the last of each
        day, or of each week, are; None keeps them.
    """
    old = dg.RunsFilter(statuses=FINISHED_STATUSES, created_before=before)
    forgotten = {*instance.get_run_ids(old)}
    if hourly_before is not None:
        forgotten.update(_superseded(instance, hourly_before))
    forgotten -= {*_last_authors(instance), *_last_askers(instance)}
    for run_id in forgotten:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    _forget_checks(instance, [*forgotten])
    return len(forgotten)


def _superseded(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    """Yield the runs that started by themselves and that a later one of their time replaces."""
    ended_well = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], created_before=before)
    seen = set()
    for record in instance.get_run_records(ended_well):  # the newest first
        run = record.dagster_run
        if not {SENSOR_NAME_TAG, SCHEDULE_NAME_TAG}.isdisjoint(run.tags):
            made = record.create_timestamp.replace(tzinfo=UTC)
            year, week, day = made.isocalendar()
            time = (subject_of(run), year, week, day if made > before - BY_DAY else None)
            if time in seen:
                yield run.run_id
            seen.add(time)


def _last_authors(instance: dg.DagsterInstance) -> Iterator[str]:
    """Yield the runs that assets and months were last materialised by.

    Of what is collected by the hour the newest hour counts: those before are history.
    """
    perishable = {table.name for table in BY_THE_HOUR}
    for key in instance.all_asset_keys():
        latest = instance.get_latest_materialization_event(key)
        if latest is not None:
            yield latest.run_id
        if key.path[0] == "raw" and key.path[-1] in perishable:
            continue
        newest = instance.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        for ids in in_parts([*newest.values()], _AT_ONCE):
            some = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids)
            found = instance.fetch_materializations(some, limit=_AT_ONCE)
            yield from (record.run_id for record in found.records)


def _newest_results() -> db.Select[tuple[int]]:
    """Select the newest result of each check, by its number."""
    table = AssetCheckExecutionsTable.c
    return db.select(db.func.max(table.id)).group_by(table.asset_key, table.check_name)


def _last_askers(instance: dg.DagsterInstance) -> Iterator[str]:
    """Yield the runs that checks owe their newest results to."""
    table = AssetCheckExecutionsTable.c
    asked = db.select(table.run_id).where(table.id.in_(_newest_results()))
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        yield from connection.execute(asked).scalars()


def _forget_checks(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Delete the results of checks that runs left behind: Dagster keeps them when those go."""
    table = AssetCheckExecutionsTable
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        for some in in_parts(run_ids, _AT_ONCE):
            connection.execute(table.delete().where(table.c.run_id.in_(some)))


def forget_reports(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete what was reported of assets outside of runs; return how many reports.

    The newest of each asset and check stays.
    """
    event, result = SqlEventLogStorageTable, AssetCheckExecutionsTable
    latest = db.func.max(event.c.id)
    newest = db.select(latest).group_by(event.c.asset_key, event.c.dagster_event_type)
    moment = before.astimezone(UTC).replace(tzinfo=None)  # as Dagster stores it
    old = (event.c.run_id == RUNLESS_RUN_ID, event.c.timestamp < moment)
    storage = instance.event_log_storage
    with storage.index_connection() as connection:  # type: ignore[attr-defined]
        connection.execute(
            result.delete().where(
                result.c.run_id == RUNLESS_RUN_ID,
                result.c.evaluation_event_timestamp < moment,
                result.c.id.not_in(_newest_results()),
            )
        )
        gone = connection.execute(event.delete().where(*old, event.c.id.not_in(newest)))
    if isinstance(storage, SqliteEventLogStorage):  # has them in a file of their own once more
        with storage.run_connection(RUNLESS_RUN_ID) as connection:
            connection.execute(event.delete().where(*old))
    return int(gone.rowcount)


def drop_dbt_targets(folder: Path, now: datetime) -> int:
    """Delete what dbt compiled for runs that are long over; return how many folders."""
    oldest = (now - TARGETS_KEPT).timestamp()
    old = [one for one in folder.glob(f"{MARTS}-*") if one.stat().st_mtime < oldest]
    for one in old:
        shutil.rmtree(one)
    return len(old)
