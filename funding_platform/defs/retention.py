"""What is forgotten of runs that ended long ago, so that Dagster's home stays small.

Dagster purges the ticks of sensors and schedules itself, as `dagster.yaml` says; runs it keeps for
ever. With a run go its events, and with those that it materialised anything: a run that a partition
owes its newest materialisation to is kept, or months that nobody refetches would turn missing.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from funding_platform.defs.marts import MARTS
from funding_platform.defs.partitions import BY_THE_HOUR

TARGETS_KEPT: Final = timedelta(days=1)
"""How long what dbt compiled for a run is kept: nothing reads it once the run is over."""

_AT_ONCE: Final = 500


def forget_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete the runs that ended well or badly and were made before a moment; return how many.

    A run is kept as long as some asset, or some month of it, was last materialised by it.
    """
    old = dg.RunsFilter(statuses=FINISHED_STATUSES, created_before=before)
    forgotten = set(instance.get_run_ids(old)) - set(_last_authors(instance))
    for run_id in forgotten:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return len(forgotten)


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
        ids = list(newest.values())
        for first in range(0, len(ids), _AT_ONCE):
            some = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[first : first + _AT_ONCE])
            found = instance.fetch_materializations(some, limit=_AT_ONCE)
            yield from (record.run_id for record in found.records)


def drop_dbt_targets(folder: Path, now: datetime) -> int:
    """Delete what dbt compiled for runs that are long over; return how many folders."""
    oldest = (now - TARGETS_KEPT).timestamp()
    old = [one for one in folder.glob(f"{MARTS}-*") if one.stat().st_mtime < oldest]
    for one in old:
        shutil.rmtree(one)
    return len(old)
