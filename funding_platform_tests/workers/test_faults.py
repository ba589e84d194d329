"""Servers and workers of a cluster, killed or cut off at random instants of backfills.

After each fault every run must end, and the lake must hold each settlement of the venues once. Runs
that failed by themselves are asked for again, as a person would, and must succeed.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest

from funding_platform.core.time_grid import Window, month_start
from funding_platform.local.cluster.deployment import LOCATION, UNATTENDED, deployed, stated_by
from funding_platform.local.cluster.runs import Requests
from funding_platform.local.cluster.servers import (
    LOOPBACK,
    ObjectStore,
    Postgres,
    Redis,
    Server,
    ServerMissingError,
    running,
)
from funding_platform.local.dagster_yaml import dagster_yaml
from funding_platform.local.supervisor import python_module
from funding_platform.sandbox.faults import Latency
from funding_platform.settings import Settings, as_environment, project_root
from funding_platform_tests.benchmarks.sandbox_process import sandbox_process
from funding_platform_tests.chaos.report import ROUNDS, SEED, record
from funding_platform_tests.waiting import until
from funding_platform_tests.workers.network import HOST, Machine, machine
from funding_platform_tests.workers.under_fault import World, started, truth

pytestmark = [pytest.mark.chaos, pytest.mark.cluster, pytest.mark.timeout(0)]

VENUES = ("binance", "okx", "hyperliquid")
SYMBOLS = 3
WORKERS = 2
ANSWER_SECONDS = 0.5
"""Of the venues, so that a backfill takes long enough to be met anywhere."""

LONGEST_OUTAGE = 20.0
CUT_SECONDS = 60.0
LATE = 1_500.0
"""By then every run has ended: one that was lost in a worker is noticed within a minute, one that a
worker held and had not begun after ten, and is begun anew."""

COMMAND = f"CHAOS_SEED={SEED} make chaos-cluster ROUNDS={ROUNDS}"
NOW = datetime.now(UTC)
MONTHS = Window(month_start(month_start(NOW) - timedelta(days=40)), month_start(NOW))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as ours:
        try:
            servers = stack.enter_context(running(Postgres, Redis, ObjectStore))
        except ServerMissingError as error:
            pytest.skip(str(error))
        postgres, redis, objects = servers
        assert isinstance(postgres, Postgres)
        assert isinstance(redis, Redis)
        assert isinstance(objects, ObjectStore)
        sandbox = stack.enter_context(sandbox_process(SYMBOLS))
        stated = stated_by(postgres, redis, objects, runs=len(VENUES) + 1) | {
            "data_dir": str(folder / "here"),
            "request_timeout_seconds": 60,
            "rate_limit_scale": 1e6,
            "venue_urls": sandbox.venue_urls,
            "venues": ",".join(VENUES),
        }
        home = folder / "dagster_home"
        home.mkdir()
        places = {"DAGSTER_HOME": str(home), "PYTHONPATH": str(project_root())}
        for name, value in {**as_environment(stated), **places}.items():
            ours.setenv(name, value)
        settings = Settings()
        (home / "dagster.yaml").write_text(dagster_yaml(settings))
        expected = truth(settings, MONTHS, folder / "alone")
        assert expected
        sandbox.inject(Latency(seconds=ANSWER_SECONDS))
        instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
        deployment = stack.enter_context(
            deployed(folder, os.environ, WORKERS, UNATTENDED, apart=True)
        )
        requests = stack.enter_context(Requests(instance, deployment.workspace, LOCATION))
        environment = {**os.environ}
        one = World(
            postgres, redis, objects, settings, environment, deployment, requests, MONTHS, expected
        )
        assert done(one.ended(one.backfill(), LATE)) == len(VENUES)
        assert one.rows() == expected
        yield one


def done(runs: list[dg.DagsterRun]) -> int:
    return sum(run.status == dg.DagsterRunStatus.SUCCESS for run in runs)


Fault = Callable[[World, random.Random, list[str]], float]
"""Does harm at an instant of runs, and undoes it; returns when that was."""


def tried(scenario: str, world: World, fault: Fault) -> None:
    """Let a fault meet backfills again and again, and tell what came of it."""
    draw = random.Random(f"{SEED} {scenario}")
    broken, by_themselves, longest, held = list[str](), 0, 0.0, 0
    for _ in range(ROUNDS):
        world.forget()
        asked = world.backfill()
        over = fault(world, draw, asked)
        found = list[str]()
        try:
            runs = world.ended(asked, LATE)
        except TimeoutError as error:
            found.append(str(error))
        else:
            longest = max(longest, time.monotonic() - over)
            by_themselves += done(runs) == len(runs)
            if done(runs) < len(runs):
                again = world.ended(world.backfill(), LATE)
                found += [f"{run.job_name} failed again" for run in again if not done([run])]
        found += differences(world)
        held += not found
        broken += found
    note = (
        f"after {by_themselves} of them nobody had to ask again; all had ended at most "
        f"{longest:.0f} s after the fault"
    )
    record(scenario, ROUNDS, held, "; ".join([*broken[:1], note]), command=COMMAND)
    assert not broken, "\n".join(broken)


def differences(world: World) -> list[str]:
    """What is lost, doubled or otherwise in the lake than at the venues."""
    rows = world.rows()
    if rows == world.expected:
        return []
    doubled, lost = len(rows) - len(set(rows)), len({*world.expected} - {*rows})
    return [f"{lost} settlements lost, {doubled} doubled, {len(rows)} stored"]


def at_any_instant(world: World, draw: random.Random, asked: list[str]) -> None:
    """Wait until a run works, and for some of the seconds that it takes."""
    until(lambda: any(map(world.has_begun, asked)), "a step", LATE)
    time.sleep(draw.uniform(0.0, 12.0))


def killed(server: Callable[[World], Server]) -> Fault:
    def fault(world: World, draw: random.Random, asked: list[str]) -> float:
        at_any_instant(world, draw, asked)
        server(world).kill()
        time.sleep(draw.uniform(0.0, LONGEST_OUTAGE))
        server(world).start()
        return time.monotonic()

    return fault


SERVERS: dict[str, Callable[[World], Server]] = {
    "PostgreSQL": lambda world: world.postgres,
    "Redis": lambda world: world.redis,
    "the S3 server": lambda world: world.objects,
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_server(name: str, world: World) -> None:
    scenario = f"{name}, killed, and started again within {LONGEST_OUTAGE:.0f} s"
    tried(scenario, world, killed(SERVERS[name]))


def test_a_killed_worker(world: World) -> None:
    def fault(world: World, draw: random.Random, asked: list[str]) -> float:
        at_any_instant(world, draw, asked)
        name = f"worker{draw.randrange(WORKERS)}"
        world.deployment.kill(name)
        world.deployment.start_worker(name)
        return time.monotonic()

    tried("a worker, killed with all that it had started", world, fault)


def test_a_worker_that_is_cut_off(world: World, tmp_path: Path) -> None:
    """Its machine is a network namespace, whose cable is pulled for a minute."""
    ports = [world.postgres.port, world.redis.port, world.objects.port]
    ports += {urlsplit(url).port or 0 for url in world.settings.venue_urls.values()}
    with machine(ports) as far:
        told = json.dumps(dict(world.environment)).replace(LOOPBACK, HOST)
        environment = json.loads(told) | {"FUNDING_DATA_DIR": str(tmp_path / "far")}
        program = ("funding", "worker", "--name", "far")
        child = python_module("funding_platform.local.child", str(os.getpid()), *program)
        with started((*far.within, *child), environment, tmp_path / "far.log"):
            fault = partial(cut_off, far)
            tried(f"a worker, cut off for {CUT_SECONDS:.0f} s", world, fault)


def cut_off(far: Machine, world: World, draw: random.Random, asked: list[str]) -> float:
    def its_own() -> str | None:
        return next((run for run in asked if world.worker_of(run) == "far"), None)

    run = until(its_own, "a run on the far worker", LATE)
    at_any_instant(world, draw, [run])
    far.cut()
    time.sleep(CUT_SECONDS)
    far.mend()
    return time.monotonic()
