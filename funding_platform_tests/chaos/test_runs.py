"""Workers of real runs, killed at random instants: pools are freed, the next run works."""

import random
import time
from collections.abc import Callable
from functools import partial

import dagster as dg
import psutil
import pytest

from funding_platform.defs.launcher import is_alive
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.defs.running.jobs import TRANSFORM
from funding_platform_tests.chaos.deployment import SLOW, Deployment, worker_pid
from funding_platform_tests.chaos.invariants import Acknowledged, broken, torn_months
from funding_platform_tests.chaos.kills import ORPHAN_SECONDS, Tally, Watch, instant_to_kill_at
from funding_platform_tests.chaos.report import ROUNDS, SEED
from funding_platform_tests.chaos.shell import LAST
from funding_platform_tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

VENUE = "okx"
MONTH = f"{LAST:{MONTH_KEY}}"
KILLS = max(1, ROUNDS // 2)
"""A run costs some ten times what a command does."""


def history(deployment: Deployment) -> str:
    return deployment.request_history(VENUE, MONTH)


def transform(deployment: Deployment) -> str:
    return deployment.request(TRANSFORM, {"dagster/partition": MONTH})


@pytest.mark.parametrize("ask", [history, transform])
def test_a_killed_worker(ask: Callable[[Deployment], str], deployment: Deployment) -> None:
    settings = deployment.settings
    draw = random.Random(f"{SEED} {ask.__name__}")
    tally, freed = Tally(f"worker of a {ask.__name__} run, killed"), 0.0
    usual = succeed(deployment, ask(deployment))
    stored = Acknowledged.of(settings)
    while tally.tried < KILLS:
        request = ask(deployment)
        run = deployment.launched(request)
        until(partial(deployment.has_begun_a_step, run.run_id), "the first step", SLOW)
        watch = Watch(settings, partial(torn_months, settings, stored.months, {}))
        children = kill_worker_somewhere(deployment, request, watch, draw, usual)
        if children is None:
            continue
        writing = watch.writing_has_begun()
        found = [*watch.torn, *surviving(children)]
        killed_at = time.monotonic()
        ended = deployment.finished(request)
        if ended.status != dg.DagsterRunStatus.FAILURE:
            found.append(f"the killed run counts as {ended.status}")
        until(lambda: not deployment.holders(f"venue_{VENUE}"), "a free pool", SLOW)
        freed = max(freed, time.monotonic() - killed_at)
        found += broken(settings, stored)
        usual = succeed(deployment, ask(deployment))
        stored, found = Acknowledged.of(settings), [*found, *broken(settings, stored)]
        tally.add(found, usual, writing=writing)
    tally.close(f"pools were free after at most {freed:.0f} s")


def succeed(deployment: Deployment, request: str) -> float:
    """Wait until a requested run has succeeded; returns the seconds that its steps took."""
    run = deployment.finished(request)
    assert run.status == dg.DagsterRunStatus.SUCCESS, deployment.errors_of(run.run_id)
    record = deployment.instance.get_run_record_by_id(run.run_id)
    assert record is not None
    assert record.end_time is not None
    assert record.start_time is not None
    return record.end_time - record.start_time


def kill_worker_somewhere(
    deployment: Deployment, request: str, watch: Watch, draw: random.Random, usual_seconds: float
) -> list[psutil.Process] | None:
    """Kill a run's worker at a random instant; returns what it had started, None if it ended."""
    run_id = deployment.launched(request).run_id
    for now in instant_to_kill_at(watch, draw, usual_seconds):
        run = deployment.run_of(request)
        if run is None or run.is_finished:
            return None
        if now:
            worker = psutil.Process(worker_pid(deployment.instance, run_id))
            children: list[psutil.Process] = worker.children(recursive=True)
            worker.kill()
            return children
        watch.look()
    raise AssertionError("instants end")


def surviving(children: list[psutil.Process]) -> list[str]:
    """Processes of a killed worker that still run when they should not."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while left := [one for one in children if is_alive(one)]:
        if time.monotonic() > deadline:
            return [f"orphan left behind: {one}" for one in left]
        time.sleep(0.1)
    return []
