"""A deployment in a folder of its own: a real daemon, its code server, and the runs' workers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.daemon import MonitoringDaemon

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.running.jobs import history_job_name
from funding_platform.settings import Settings, project_root
from funding_platform_tests.benchmarks.sandbox_process import RATE_LIMIT_SCALE
from funding_platform_tests.chaos.location import REQUEST_TAG, REQUESTS
from funding_platform_tests.chaos.processes import kill_session, start
from funding_platform_tests.chaos.shell import patient_environment
from funding_platform_tests.waiting import until

SLOW = 600
"""Seconds for whatever the machine may take its time with: starting a daemon, a run's imports."""


def environment_of(home: Path, settings: Settings, venues: Sequence[str]) -> dict[str, str]:
    """Variables of a deployment's processes; its home gets the settings that ours has."""
    home.mkdir()
    shutil.copy(project_root() / "data" / "dagster_home" / "dagster.yaml", home)
    return {
        "DAGSTER_HOME": str(home),
        "FUNDING_DATA_DIR": str(settings.data_dir),
        "FUNDING_VENUES": ",".join(venues),
        "FUNDING_VENUE_URLS": json.dumps(settings.venue_urls),
        "FUNDING_RATE_LIMIT_SCALE": str(RATE_LIMIT_SCALE),
        "PYTHONPATH": str(project_root()),
        **patient_environment(),
    }


def worker_pid(instance: dg.DagsterInstance, run_id: str) -> int:
    """The process of a run, as its log names it."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    named = (event.get_dagster_event().engine_event_data.metadata.get("pid") for event in events)
    return next(int(str(pid.value)) for pid in named if pid is not None)


class Deployment:
    """What a machine runs: a Dagster home, a lake, and a daemon."""

    def __init__(
        self, project: Path, root: Path, venue_urls: dict[str, str], venues: Sequence[str]
    ) -> None:
        self.project, self.root = project, root
        self.home, self.requests = root / "dagster_home", root / "requests"
        self.requests.mkdir()
        module = "funding_platform_tests.chaos.location"
        (project / "workspace.yaml").write_text(f"load_from:\n  - python_module: {module}\n")
        self.settings = Settings(
            data_dir=root / "data", venue_urls=venue_urls, rate_limit_scale=RATE_LIMIT_SCALE
        )
        self.environment = environment_of(self.home, self.settings, venues) | {
            REQUESTS: str(self.requests)
        }
        self.daemon: subprocess.Popen[bytes] | None = None
        self.instance = dg.DagsterInstance.from_config(str(self.home))

    def start_daemon(self) -> None:
        program = str(Path(sys.executable).with_name("dagster-daemon"))
        command = [program, "run", "-w", "workspace.yaml"]
        self.daemon = start(command, self.project, self.root, self.environment)

    def start_daemon_anew(self) -> None:
        """Start the daemon after everything was killed, and wait until it monitors runs."""
        began = time.time()
        self.start_daemon()

        def monitors() -> bool:
            heartbeat = self.instance.get_daemon_heartbeats().get(MonitoringDaemon.daemon_type())
            return heartbeat is not None and heartbeat.timestamp > began

        until(monitors, "run monitoring", SLOW)

    def kill_everything(self) -> None:
        """Kill the daemon, its code server and all workers, as a power cut does."""
        if self.daemon is not None:
            kill_session(self.daemon)

    def request(self, job: str, tags: dict[str, str], assets: Sequence[dg.AssetKey] = ()) -> str:
        """Ask for a run; returns the name that `run_of` knows it by."""
        name = f"{len(list(self.requests.iterdir())):06}"
        aside = self.requests / f"{name}.new"
        keys = [list(key.path) for key in assets]
        aside.write_text(json.dumps({"job": job, "tags": tags, "assets": keys}))
        aside.rename(self.requests / f"{name}.json")
        return name

    def request_history(self, venue: str, month: str) -> str:
        return self.request(
            history_job_name(venue), {"dagster/partition": month}, [raw_key(venue, FUNDING_RATES)]
        )

    def run_of(self, request: str) -> dg.DagsterRun | None:
        runs = self.instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: request}))
        return runs[0] if runs else None

    def launched(self, request: str) -> dg.DagsterRun:
        """The run of a request, once there is one."""
        return until(lambda: self.run_of(request), f"run of {request}", SLOW)

    def finished(self, request: str, seconds: float = SLOW) -> dg.DagsterRun:
        """The run of a request, once it has ended."""

        def ended() -> dg.DagsterRun | None:
            run = self.run_of(request)
            return run if run is not None and run.is_finished else None

        return until(ended, f"end of {request}", seconds)

    def has_begun_a_step(self, run_id: str) -> bool:
        return bool(self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START))

    def errors_of(self, run_id: str) -> str:
        """Why steps of a run failed."""
        failures = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        return "\n".join(entry.user_message for entry in failures)

    def kill_worker(self, run_id: str) -> None:
        os.kill(worker_pid(self.instance, run_id), signal.SIGKILL)

    def holders(self, pool: str) -> set[str]:
        """Runs that hold slots of a pool."""
        return self.instance.event_log_storage.get_concurrency_info(pool).active_run_ids


@contextmanager
def deployed(
    project: Path, root: Path, venue_urls: dict[str, str], venues: Sequence[str]
) -> Iterator[Deployment]:
    """A deployment of a project with its daemon running; nothing runs on afterwards."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(root / "dagster_home"))
        deployment = Deployment(project, root, venue_urls, venues)
        deployment.start_daemon()
        try:
            yield deployment
        finally:
            deployment.kill_everything()
            deployment.instance.dispose()
