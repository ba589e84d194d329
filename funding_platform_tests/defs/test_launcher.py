"""Runs whose worker was killed: run monitoring as `dagster.yaml` sets it up, on a real instance."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import dagster as dg
import psutil
import pytest
from dagster._core.events import DagsterEventType, EngineEventData
from dagster._core.test_utils import create_run_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.daemon import MonitoringDaemon

from funding_platform.defs.launcher import worker_process


@pytest.fixture
def instance(home: dg.DagsterInstance) -> dg.DagsterInstance:
    return home


@pytest.fixture
def pool(instance: dg.DagsterInstance, request: pytest.FixtureRequest) -> str:
    """A pool of the test's own."""
    name = f"venue_{request.node.name}"
    instance.event_log_storage.initialize_concurrency_limit_to_default(name)
    return name


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits to be killed."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def look(instance: dg.DagsterInstance) -> None:
    """One look of the monitoring daemon."""
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
        daemon = MonitoringDaemon(instance.run_monitoring_poll_interval_seconds)
        daemon._logger.setLevel(logging.ERROR)
        errors = [error for error in daemon.run_iteration(workspace) if error is not None]
    assert errors == []


def start_run(instance: dg.DagsterInstance, pool: str, pid: int | None) -> dg.DagsterRun:
    """A run as its worker leaves it while a step works: started, and holding the pool's slot."""
    run: dg.DagsterRun = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTING)
    if pid is not None:
        instance.report_engine_event("Started process", run, EngineEventData.in_process(pid))
    instance.report_dagster_event(
        dg.DagsterEvent(DagsterEventType.RUN_START.value, run.job_name), run.run_id
    )
    claim = instance.event_log_storage.claim_concurrency_slot(pool, run.run_id, "step")
    assert claim.is_claimed
    return run


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def slots_held(instance: dg.DagsterInstance, pool: str) -> int:
    return instance.event_log_storage.get_concurrency_info(pool).active_slot_count


@pytest.mark.parametrize("reaped", [False, True])
def test_a_run_whose_worker_was_killed_fails_and_frees_its_pool(
    instance: dg.DagsterInstance, pool: str, worker: subprocess.Popen[bytes], reaped: bool
) -> None:
    run = start_run(instance, pool, worker.pid)
    look(instance)
    assert (status(instance, run), slots_held(instance, pool)) == (dg.DagsterRunStatus.STARTED, 1)
    worker.kill()
    if reaped:
        worker.wait()
    else:
        process = psutil.Process(worker.pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
    look(instance)
    assert status(instance, run) == dg.DagsterRunStatus.FAILURE
    while slots_held(instance, pool):  # pytest's own limit ends it otherwise
        time.sleep(0.2)
        look(instance)
    assert instance.event_log_storage.claim_concurrency_slot(pool, "next", "step").is_claimed


def test_a_run_is_failed_by_a_daemon_that_did_not_launch_it(
    instance: dg.DagsterInstance, pool: str, worker: subprocess.Popen[bytes]
) -> None:
    run = start_run(instance, pool, worker.pid)
    worker.kill()
    worker.wait()
    look(instance)
    assert status(instance, run) == dg.DagsterRunStatus.FAILURE
    failed = instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)
    assert f"pid {worker.pid}" in str(failed[0].dagster_event)


def test_a_run_that_has_not_named_its_process_is_left_alone(
    instance: dg.DagsterInstance, pool: str
) -> None:
    run = start_run(instance, pool, None)
    look(instance)
    assert status(instance, run) == dg.DagsterRunStatus.STARTED


def test_a_clock_that_is_set_ends_no_run(
    instance: dg.DagsterInstance,
    pool: str,
    worker: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = start_run(instance, pool, worker.pid)
    look(instance)
    a_day_later = psutil.Process(worker.pid).create_time() + 86_400
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: a_day_later)
    look(instance)
    assert status(instance, run) == dg.DagsterRunStatus.STARTED


def test_an_id_that_another_process_was_given_is_not_the_worker(
    worker: subprocess.Popen[bytes],
) -> None:
    started = psutil.Process(worker.pid).create_time()
    assert worker_process(worker.pid, started + 1) is not None
    assert worker_process(worker.pid, started - 60) is None
