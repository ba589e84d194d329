"""`funding dev` with all its sensors: its services are killed one at a time, and start again."""

import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from funding_platform.core.time_grid import floor_hour
from funding_platform.defs.execution.assets import JOB as TRADER
from funding_platform.defs.partitions import HOUR_KEY
from funding_platform.defs.running.jobs import COLLECT
from funding_platform.local.dev import LOCATIONS
from funding_platform.local.supervisor import MOST_QUICK_ENDS, QUICK_SECONDS
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform_tests.chaos.deployment import SLOW, environment_of, worker_pid
from funding_platform_tests.chaos.invariants import Acknowledged, broken
from funding_platform_tests.chaos.kills import Tally
from funding_platform_tests.chaos.processes import kill_session, members, start
from funding_platform_tests.chaos.report import ROUNDS, SEED
from funding_platform_tests.chaos.shell import VENUES, Shell
from funding_platform_tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

KILLS = max(1, ROUNDS // 3)
"""A service takes up to half a minute to start on a busy machine."""

TICK_SECONDS = 30
WELL = [TickStatus.SUCCESS, TickStatus.SKIPPED]


@dataclass
class Dev:
    """`funding dev`, its Dagster instance and its lake."""

    process: "subprocess.Popen[bytes]"
    instance: dg.DagsterInstance
    settings: Settings
    kills: Counter[str] = field(default_factory=Counter)
    """How often each service was killed."""

    def service(self, argument: str) -> psutil.Process | None:
        """The process of a service, by an argument that no other has."""
        for one in members(self.process.pid):
            try:
                command = one.cmdline()
            except psutil.Error:
                continue
            if "funding_platform.local.child" in command and argument in command:
                return one
        return None

    def tick_after(self, sensor: str, since: float) -> InstigatorTick | None:
        """A tick of a sensor that has gone well."""
        ticks = self._ticks(sensor, since, WELL)
        return ticks[0] if ticks else None

    def is_ticking(self, sensor: str) -> bool:
        """Whether a sensor is being asked for runs."""
        began = self._ticks(sensor, time.time() - TICK_SECONDS, [TickStatus.STARTED])
        return bool(began)

    def _ticks(
        self, sensor: str, since: float, statuses: list[TickStatus]
    ) -> Sequence[InstigatorTick]:
        for state in self.instance.all_instigator_state():
            if state.instigator_name == sensor:
                return self.instance.get_ticks(
                    state.instigator_origin_id, state.selector_id, after=since, statuses=statuses
                )
        return []

    def under_way(self) -> list[dg.DagsterRun]:
        begun = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
        return list(self.instance.get_runs(dg.RunsFilter(statuses=begun)))

    def has_ended(self, run_id: str) -> bool:
        """Whether a run has ended; a trader has no end, but may not be dead and count as alive."""
        run = self.instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return True
        return run.job_name == TRADER and psutil.pid_exists(worker_pid(self.instance, run_id))

    def collections(self) -> list[str]:
        """Run keys of the collections that the sensor asked for; not those of repeated runs."""
        runs = self.instance.get_runs(dg.RunsFilter(job_name=COLLECT))
        return [run.tags["dagster/run_key"] for run in runs if run.parent_run_id is None]

    def has_collected(self, hour: datetime) -> bool:
        """Whether the hour has been collected, or is over."""
        tags = {"dagster/partition": f"{hour:{HOUR_KEY}}"}
        done = [dg.DagsterRunStatus.SUCCESS]
        found = self.instance.get_runs(dg.RunsFilter(job_name=COLLECT, tags=tags, statuses=done))
        return bool(found) or floor_hour(datetime.now(UTC)) > hour


@pytest.fixture(scope="module")
def dev(
    project: Path, stocked: Shell, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dev]:
    shell = stocked.copy(tmp_path_factory.mktemp("dev"))
    settings = Settings(data_dir=shell.settings.data_dir, venue_urls=sandbox.venue_urls)
    home = shell.folder / "dagster_home"
    environment = environment_of(home, settings, VENUES)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("funding"))
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("DAGSTER_HOME", str(home))
        process = start(
            [program, "dev", "--port", str(port), "--service-port", "0"],
            project,
            shell.folder,
            environment,
        )
        try:
            with dg.DagsterInstance.from_config(str(home)) as instance:
                one = Dev(process, instance, settings)
                until(lambda: one.tick_after("hourly_collection", 0.0), "the first tick", SLOW)
                yield one
        finally:
            kill_session(process)


@dataclass(frozen=True)
class Victim:
    """A service, an argument that is its own, and a sensor that cannot tick without it."""

    name: str
    argument: str
    sensor: str


CODE_SERVER = Victim("code server", LOCATIONS["funding_platform"], "hourly_collection")
CODE_SERVER_OF_EXECUTION = Victim(
    "code server of execution", LOCATIONS["execution"], "trade_on_opportunities"
)
DAEMON = Victim("daemon", "dagster-daemon", "hourly_collection")


def let_live(dev: Dev, victim: Victim, process: psutil.Process) -> None:
    """See that the supervisor does not give a service up that is killed as soon as it is there."""
    if dev.kills[victim.name] % MOST_QUICK_ENDS == MOST_QUICK_ENDS - 1:
        old_enough = process.create_time() + 1.1 * QUICK_SECONDS
        until(lambda: time.time() > old_enough, "a longer life", 2 * QUICK_SECONDS)
    dev.kills[victim.name] += 1


def at_random(_: Dev, __: Victim, draw: random.Random) -> None:
    """Wait for any instant between two ticks."""
    instant = time.monotonic() + draw.uniform(0, TICK_SECONDS)
    until(lambda: time.monotonic() > instant, "the instant", 2 * TICK_SECONDS)


def in_a_tick(dev: Dev, victim: Victim, _: random.Random) -> None:
    """Wait until the sensor is asked, which takes a moment only."""
    until(partial(dev.is_ticking, victim.sensor), "a tick", SLOW, pause=0.0)


@pytest.mark.parametrize("instant", [at_random, in_a_tick])
@pytest.mark.parametrize("victim", [CODE_SERVER, CODE_SERVER_OF_EXECUTION, DAEMON])
def test_a_killed_service(
    victim: Victim, instant: Callable[[Dev, Victim, random.Random], None], dev: Dev
) -> None:
    when = instant.__name__.replace("_", " ")
    draw = random.Random(f"{SEED} {victim.name} {when}")
    tally = Tally(f"{victim.name} of `funding dev`, killed {when}", "while runs were under way")
    while tally.tried < KILLS:
        process = until(partial(dev.service, victim.argument), victim.name, SLOW)
        let_live(dev, victim, process)
        stored = Acknowledged.of(dev.settings)
        instant(dev, victim, draw)
        begun = dev.under_way()
        killed_at = time.time()
        process.kill()
        until(partial(dev.tick_after, victim.sensor, killed_at), "the next tick", SLOW)
        recovery = time.time() - killed_at
        assert dev.process.poll() is None
        for run in begun:
            until(partial(dev.has_ended, run.run_id), f"end of {run.job_name}", SLOW)
        hour = floor_hour(datetime.now(UTC))
        until(partial(dev.has_collected, hour), f"the collection of {hour}", SLOW)
        keys, found = dev.collections(), broken(dev.settings, stored)
        found += [f"{key} was asked for twice" for key in set(keys) if keys.count(key) > 1]
        tally.add(found, recovery, writing=bool(begun))
    tally.close()
