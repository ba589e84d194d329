"""What is forgotten of old runs, on a real instance."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as db
import time_machine
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.test_utils import create_run_for_test

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.partitions import MONTHLY, recent_hours
from funding_platform.defs.running.retention import (
    TARGETS_KEPT,
    drop_dbt_targets,
    forget_reports,
    forget_runs,
)
from funding_platform.local.cluster.servers import Postgres
from funding_platform.local.dagster_yaml import dagster_yaml
from funding_platform.settings import Settings
from funding_platform_tests.servers import local

RATES, SNAPSHOTS = raw_key("okx", FUNDING_RATES), raw_key("okx", MARKET_SNAPSHOTS)
CHECKS = dg.define_asset_job("checks", dg.AssetSelection.checks_for_assets(RATES))


_NUMBERS = count()


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[Postgres]:
    with local.started(Postgres) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.cluster)])
def own_home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance in which nothing has run yet."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("FUNDING_DAGSTER_URL", server.database(f"home{next(_NUMBERS)}"))
    (tmp_path / "dagster.yaml").write_text(dagster_yaml(Settings()))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


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


def started(
    instance: dg.DagsterInstance, job: str, at: datetime, *, by: str | None = "sensor", **tags: str
) -> str:
    """Record a run that ended well; ``by`` is what started it."""
    with time_machine.travel(at, tick=False):
        marks = {f"dagster/{by}_name": "whatever"} if by else {}
        run = create_run_for_test(
            instance, job_name=job, status=dg.DagsterRunStatus.SUCCESS, tags=marks | tags
        )
    return str(run.run_id)


def test_of_a_day_gone_by_the_last_run_of_each_job_and_venue_is_kept(
    own_home: dg.DagsterInstance,
) -> None:
    instance, now = own_home, datetime(2026, 3, 14, 12, tzinfo=UTC)
    weeks = [
        started(instance, "transform", datetime(2026, 2, day, tzinfo=UTC)) for day in range(16, 25)
    ]
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (11, 12, 14)]
    hourly = [[started(instance, "transform", day.replace(hour=h)) for h in (1, 5)] for day in days]
    venues = [
        started(instance, "history", days[0].replace(hour=hour), venue=venue)
        for venue in ("okx", "bybit")
        for hour in (1, 2)
    ]
    by_hand = [started(instance, "transform", days[0], by=None) for _ in range(2)]
    with time_machine.travel(days[0], tick=False):
        failed = create_run_for_test(
            instance,
            job_name="transform",
            status=dg.DagsterRunStatus.FAILURE,
            tags={"dagster/sensor_name": "whatever"},
        ).run_id
    assert forget_runs(instance, now - timedelta(days=30)) == 0
    assert forget_runs(instance, now - timedelta(days=30), now - timedelta(days=1)) == 4 + 7
    superseded = {hourly[0][0], hourly[1][0], venues[0], venues[2]}
    kept = {weeks[6], weeks[8]}  # a Sunday, and the last of a week that is not over yet
    everything = {*by_hand, *venues, failed, *kept, *(one for day in hourly for one in day)}
    assert set(instance.get_run_ids()) == everything - superseded


def results(instance: dg.DagsterInstance) -> list[tuple[str, str]]:
    """Return the stored results of checks: the run, and how it ended."""
    table = AssetCheckExecutionsTable.c
    asked = db.select(table.run_id, table.execution_status).order_by(table.id)
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        return [(run_id, status) for run_id, status in connection.execute(asked)]


@dg.asset_check(asset=RATES)
def sound() -> dg.AssetCheckResult:
    """Whatever is asked of it."""
    return dg.AssetCheckResult(passed=True)


def test_results_of_checks_go_with_their_runs_but_for_the_newest(
    own_home: dg.DagsterInstance,
) -> None:
    def asked() -> str:
        checks = dg.Definitions(assets=[rates], asset_checks=[sound], jobs=[CHECKS])
        return checks.resolve_job_def("checks").execute_in_process(instance=own_home).run_id

    earlier, newest = asked(), asked()
    assert [run_id for run_id, _ in results(own_home)] == [earlier, newest]
    assert forget_runs(own_home, datetime.now(UTC) + timedelta(days=1)) == 1
    assert results(own_home) == [(newest, "SUCCEEDED")]
    assert own_home.get_run_ids() == [newest]


def test_reports_of_no_run_go_but_for_the_newest(own_home: dg.DagsterInstance) -> None:
    instance = own_home
    for verdict in ("first", "second", "third"):
        instance.report_runless_asset_event(
            dg.AssetObservation(RATES, metadata={"verdict": verdict})
        )
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=RATES, check_name="fresh", passed=True)
        )
    assert forget_reports(instance, datetime.now(UTC) - timedelta(days=1)) == 0
    assert forget_reports(instance, datetime.now(UTC) + timedelta(days=1)) == 4
    kept = instance.fetch_observations(RATES, limit=9).records
    shown = [one.asset_observation.metadata for one in kept if one.asset_observation]
    assert [metadata["verdict"].value for metadata in shown] == ["third"]
    assert len(results(instance)) == 1
    assert len(instance.all_logs("")) <= 2  # what is kept, where all are in one table
