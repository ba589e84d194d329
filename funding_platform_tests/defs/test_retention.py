"""What is forgotten of old runs, on a real instance."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.defs.partitions import MONTHLY, recent_hours
from funding_platform.defs.raw import raw_key
from funding_platform.defs.retention import TARGETS_KEPT, drop_dbt_targets, forget_runs

RATES, SNAPSHOTS = raw_key("okx", FUNDING_RATES), raw_key("okx", MARKET_SNAPSHOTS)


@dg.asset(key=RATES, partitions_def=MONTHLY)
def rates() -> None:
    """Settled rates of a month."""


@dg.asset(key=SNAPSHOTS, partitions_def=recent_hours(datetime(2026, 3, 14, tzinfo=UTC)))
def snapshots() -> None:
    """A market of an hour."""


def run(asset: dg.AssetsDefinition, partition: str, instance: dg.DagsterInstance) -> str:
    return dg.materialize([asset], instance=instance, partition_key=partition).run_id


def test_runs_that_no_month_owes_anything_to_are_forgotten(home: dg.DagsterInstance) -> None:
    instance = home
    hours = [f"2026-03-14-0{hour}:00" for hour in (1, 2)]
    replaced, march, april = (
        run(rates, month, instance) for month in ("2026-03-01", "2026-03-01", "2026-04-01")
    )
    past, newest = (run(snapshots, hour, instance) for hour in hours)
    working = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED).run_id
    shards = Path(instance.storage_directory()).parent / "history" / "runs"
    assert (shards / f"{replaced}.db").exists()

    assert forget_runs(instance, datetime.now(UTC) - timedelta(days=1)) == 0
    assert forget_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 2

    assert set(instance.get_run_ids()) == {march, april, newest, working}
    assert instance.get_materialized_partitions(RATES) == {"2026-03-01", "2026-04-01"}
    for gone in (replaced, past):
        assert not list(shards.glob(f"{gone}*"))
        assert not (Path(instance.storage_directory()) / gone).exists()
    assert instance.all_logs(march)


def test_what_dbt_compiled_for_old_runs_is_dropped(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for name, age in (("marts-old", 2 * TARGETS_KEPT), ("marts-new", TARGETS_KEPT / 2)):
        (tmp_path / name / "compiled").mkdir(parents=True)
        os.utime(tmp_path / name, times=((now - age).timestamp(),) * 2)
    (tmp_path / "manifest.json").touch()
    assert drop_dbt_targets(tmp_path, now) == 1
    assert {one.name for one in tmp_path.iterdir()} == {"marts-new", "manifest.json"}
