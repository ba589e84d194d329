"""A pool slot does not outlive the process that took it for long, whatever was killed."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from funding_platform.core.time_grid import month_start
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.sandbox.faults import Connection
from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.chaos.deployment import SLOW, Deployment
from funding_platform_tests.chaos.report import record
from funding_platform_tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

VENUE = "okx"
POOL = f"venue_{VENUE}"
MONTH = f"{month_start(datetime.now(UTC)):{MONTH_KEY}}"


@pytest.fixture(autouse=True)
def answering(sandbox: RunningSandbox) -> Iterator[None]:
    """The venue answers again afterwards, whatever became of the test."""
    yield
    sandbox.clear()


def hold_the_pool(deployment: Deployment, sandbox: RunningSandbox) -> dg.DagsterRun:
    """A run that holds the pool's slot and waits for an answer that never comes."""
    sandbox.inject(Connection(action="hang", venue=VENUE))
    run = deployment.launched(deployment.request_history(VENUE, MONTH))
    until(lambda: run.run_id in deployment.holders(POOL), "the slot", SLOW)
    until(lambda: deployment.has_begun_a_step(run.run_id), "the first step", SLOW)
    return run


def assert_freed(what: str, deployment: Deployment, killed: dg.DagsterRun) -> None:
    """The slot is freed, the killed run has failed, and the venue's next one works.

    How long it took is told: a minute is plenty for a machine that does nothing else.
    """
    began = time.monotonic()
    request = deployment.request_history(VENUE, MONTH)
    until(lambda: killed.run_id not in deployment.holders(POOL), "a free slot", SLOW)
    seconds = time.monotonic() - began
    ended = deployment.instance.get_run_by_id(killed.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE
    assert deployment.finished(request).status == dg.DagsterRunStatus.SUCCESS
    assert deployment.holders(POOL) == set()
    record(what, 1, 1, f"its slot was free after {seconds:.0f} s")


def test_a_killed_worker(deployment: Deployment, sandbox: RunningSandbox) -> None:
    killed = hold_the_pool(deployment, sandbox)
    deployment.kill_worker(killed.run_id)
    sandbox.clear()
    assert_freed("worker that holds a pool slot, killed", deployment, killed)


def test_everything_killed_at_once(deployment: Deployment, sandbox: RunningSandbox) -> None:
    killed = hold_the_pool(deployment, sandbox)
    deployment.kill_everything()
    sandbox.clear()
    deployment.start_daemon_anew()
    assert_freed("daemon, code server and such a worker, killed", deployment, killed)
