"""A machine that loses power in the middle of a run: noticed, and the run asked for once more."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as db

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import month_start
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.defs.running.jobs import history_job_name
from funding_platform.lake import connect
from funding_platform.local.cluster.deployment import Deployment
from funding_platform.local.cluster.runs import Requests, wait_for_end
from funding_platform.sandbox.faults import Latency
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform_tests.waiting import until
from funding_platform_tests.workers.conftest import VENUE

pytestmark = pytest.mark.cluster

SLOW = 300
"""Seconds for whatever a busy machine may take its time with."""


def history(requests: Requests, month: datetime) -> str:
    return requests.submit(
        history_job_name(VENUE),
        tags={"dagster/partition": f"{month:{MONTH_KEY}}"},
        assets=[raw_key(VENUE, FUNDING_RATES)],
    )


def rows(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as lake:
        return lake.sql(
            "SELECT venue_symbol, funding_time, funding_rate, count(*) OVER "
            "(PARTITION BY venue_symbol, funding_time) FROM core.funding_rates ORDER BY ALL"
        ).fetchall()


def test_a_run_of_a_killed_worker_is_failed_and_asked_for_once_more(
    deployment: Deployment,
    requests: Requests,
    instance: dg.DagsterInstance,
    database: str,
    settings: Settings,
    sandbox: RunningSandbox,
) -> None:
    month = month_start(month_start(datetime.now(UTC)) - timedelta(days=1))
    undisturbed = wait_for_end(instance, history(requests, month), SLOW)
    assert undisturbed.status == dg.DagsterRunStatus.SUCCESS
    expected = rows(settings)
    assert expected
    assert {row[-1] for row in expected} == {1}

    sandbox.inject(Latency(seconds=120, venue=VENUE))
    killed = history(requests, month)
    engine = db.create_engine(database)

    def worker() -> str | None:
        asked = "SELECT worker FROM funding_run_beats WHERE run_id = :run"
        with engine.connect() as connection:
            found = connection.execute(db.text(asked), {"run": killed}).scalar()
        return None if found is None else str(found).partition("@")[0]

    name = until(worker, "a lease", SLOW)
    until(lambda: instance.all_logs(killed, of_type=dg.DagsterEventType.STEP_START), "a step", SLOW)
    deployment.kill(name)
    sandbox.clear()
    with engine.begin() as connection:  # the clock of the database goes on by a lease
        connection.execute(db.text("UPDATE funding_run_beats SET at = at - INTERVAL '45 s'"))
    ended = until(lambda: failed(instance, killed), "a failure", SLOW)
    assert "its worker was killed or cut off" in said(instance, ended.run_id)

    successor = wait_for_end(instance, killed, SLOW)
    assert successor.status == dg.DagsterRunStatus.SUCCESS
    assert successor.parent_run_id == killed
    assert rows(settings) == expected
    group = instance.get_run_group(killed)
    assert group is not None
    assert {run.run_id for run in group[1]} == {killed, successor.run_id}
    engine.dispose()


def failed(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun | None:
    run = instance.get_run_by_id(run_id)
    return run if run is not None and run.status == dg.DagsterRunStatus.FAILURE else None


def said(instance: dg.DagsterInstance, run_id: str) -> str:
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return "\n".join(entry.message for entry in entries)
