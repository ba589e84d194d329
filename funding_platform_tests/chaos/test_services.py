"""`funding dev` with all its sensors: its services are killed one at a time, and start again."""

import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from funding_platform.core.time_grid import floor_hour
from funding_platform.defs.partitions import HOUR_KEY
from funding_platform.defs.running.jobs import COLLECT
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform_tests.chaos.deployment import SLOW, environment_of
from funding_platform_tests.chaos.invariants import Acknowledged, broken
from funding_platform_tests.chaos.kills import Tally
from funding_platform_tests.chaos.processes import kill_session, members, start, wait_for
from funding_platform_tests.chaos.report import ROUNDS, SEED
from funding_platform_tests.chaos.shell import VENUES, Shell

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

KILLS = max(1, ROUNDS // 10)
"""A service takes up to half a minute to start on a busy machine."""

SENSOR = "hourly_collection"
TICK_SECONDS = 30
WELL = [TickStatus.SUCCESS, TickStatus.SKIPPED]


@dataclass
class Dev:
    """`funding dev`, its Dagster instance and its lake."""

    process: "subprocess.Popen[bytes]"
    instance: dg.DagsterInstance
    settings: Settings

    def service(self, program: str) -> psutil.Process | None:
        """The process of a service, by the program that it runs."""
        for one in members(self.process.pid):
            try:
                command = one.cmdline()
            except psutil.Error:
                continue
            if "funding_platform.local.child" in command and program in command:
                return one
        return None

    def tick_after(self, since: float) -> InstigatorTick | None:
        """A tick of the sensor that has gone well."""
        states = self.instance.all_instigator_state(instigator_type=None)
        for state in states:
            if state.instigator_name == SENSOR:
                ticks = self.instance.get_ticks(
                    state.instigator_origin_id, state.selector_id, after=since, statuses=WELL
                )
                return ticks[0] if ticks else None
        return None

    def under_way(self) -> list[dg.DagsterRun]:
        begun = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
        return list(self.instance.get_runs(dg.RunsFilter(statuses=begun)))

    def has_ended(self, run_id: str) -> bool:
        run = self.instance.get_run_by_id(run_id)
        return run is None or run.is_finished

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
                wait_for("the first tick", lambda: one.tick_after(0.0), SLOW)
                yield one
        finally:
            kill_session(process)


@pytest.mark.parametrize(
    ("name", "program"), [("code server", "dagster"), ("daemon", "dagster-daemon")]
)
def test_a_killed_service(name: str, program: str, dev: Dev) -> None:
    draw, tally = random.Random(f"{SEED} {name}"), Tally(f"{name} of `funding dev`, alone")
    while tally.tried < KILLS:
        instant = time.monotonic() + draw.uniform(0, TICK_SECONDS)
        victim = wait_for(name, partial(dev.service, program), SLOW)
        wait_for("the instant", lambda: time.monotonic() > instant, 2 * TICK_SECONDS)  # noqa: B023
        stored, begun = Acknowledged.of(dev.settings), dev.under_way()
        killed_at = time.time()
        victim.kill()
        wait_for("the next tick", partial(dev.tick_after, killed_at), SLOW)
        recovery = time.time() - killed_at
        assert dev.process.poll() is None
        for run in begun:
            wait_for(f"end of {run.job_name}", partial(dev.has_ended, run.run_id), SLOW)
        hour = floor_hour(datetime.now(UTC))
        wait_for(f"the collection of {hour}", partial(dev.has_collected, hour), SLOW)
        keys, found = dev.collections(), broken(dev.settings, stored)
        found += [f"{key} was asked for twice" for key in set(keys) if keys.count(key) > 1]
        tally.add(found, recovery, writing=bool(begun))
    tally.close()
