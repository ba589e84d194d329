"""Dagster on this machine as on several: a code server, a daemon, and Celery workers.

Each is a process in a session of its own, so that a worker can be killed with all that it started,
as a machine is that loses power; all end with the process that started them.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from funding_platform.core.errors import FundingError
from funding_platform.local.cluster.servers import (
    LOOPBACK,
    ObjectStore,
    Postgres,
    Redis,
    free_port,
)
from funding_platform.local.dev import listens, write_workspace
from funding_platform.local.supervisor import python_module

LOCATION: Final = "funding_platform"
"""The code location whose jobs run."""

UNATTENDED: Final = "funding_platform.local.cluster.location"
"""The module of a code server that starts nothing by itself."""

START_SECONDS: Final = 180.0
"""Longest that a code server may take until it answers: it imports everything."""

_LOOK_SECONDS: Final = 0.1

_TO_END_SECONDS: Final = 20.0


class DeploymentEndedError(FundingError):
    """A process of the deployment ended when it should not."""


def stated_by(
    postgres: Postgres, redis: Redis, objects: ObjectStore, *, runs: int
) -> dict[str, Any]:
    """Return the settings of a new cluster on servers of this machine: lake, Dagster, broker.

    Parameters
    ----------
    runs
        How many may be under way at one time.
    """
    return {
        "lake_profile": "cluster",
        "catalog_url": postgres.database("lake").replace("+psycopg2", ""),
        "data_url": f"{objects.bucket('lake')}/lake",
        "s3_endpoint": objects.endpoint,
        "s3_key_id": objects.key,
        "s3_secret": objects.secret,
        "dagster_url": postgres.database("dagster"),
        "broker_url": redis.url,
        "run_launcher": "celery",
        "concurrent_runs": runs,
    }


class Deployment:
    """The processes, and where their output goes.

    Parameters
    ----------
    folder
        Where their logs and the workspace file are put.
    environment
        Theirs: it names the broker, Dagster's database and home, the lake, the venues.
    module
        What the code server serves.
    apart
        Whether workers share no folder with anyone, as machines do not.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], module: str, *, apart: bool = False
    ) -> None:
        self.folder = folder
        self.workspace = folder / "workspace.yaml"
        self.environment = dict(environment)
        self._module = module
        self._apart = apart
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._starts: dict[str, Callable[[], None]] = {}

    def start(self, workers: int) -> None:
        """Start all of them, and return once the code server answers.

        Raises
        ------
        DeploymentEndedError
            If it does not.
        """
        port = free_port()
        write_workspace(self.workspace, {LOCATION: port})
        listening = ("--host", LOOPBACK, "--port", str(port))
        self._start("code server", "dagster", "api", "grpc", "-m", self._module, *listening)
        for number in range(workers):
            self.start_worker(f"worker{number}")
        self._wait_for("code server", port)
        self._start("daemon", "dagster-daemon", "run", "-w", str(self.workspace))

    def start_worker(self, name: str) -> None:
        """Start a worker of one run at a time, which may have a data folder of its own."""
        own = {"FUNDING_DATA_DIR": str(self.folder / name)} if self._apart else {}
        self._start(name, "funding", "worker", "--name", name, **own)

    def kill(self, name: str) -> None:
        """Kill one of them with all that it started."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start_what_ended(self) -> None:
        """Start again what has ended by itself, as a service manager does."""
        for name, process in [*self._processes.items()]:
            if process.poll() is not None:
                self._starts[name]()

    def stop(self) -> None:
        """Have all end, the last one first: the daemon before those that it asks."""
        for process in reversed(self._processes.values()):
            process.terminate()
        give_up_at = time.monotonic() + _TO_END_SECONDS
        for name, process in reversed([*self._processes.items()]):
            try:
                process.wait(max(0.0, give_up_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.kill(name)
        self._processes.clear()

    def log(self, name: str) -> Path:
        """Return where the output of one of them is."""
        return self.folder / f"{name.replace(' ', '_')}.log"

    def _start(self, name: str, program: str, *arguments: str, **stated: str) -> None:
        self._starts[name] = partial(self._start, name, program, *arguments, **stated)
        told = (str(os.getpid()), program, *arguments)
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - own command
                python_module("funding_platform.local.child", *told),
                env=self.environment | stated,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for(self, name: str, port: int) -> None:
        give_up_at = time.monotonic() + START_SECONDS
        while not listens(port):
            if self._processes[name].poll() is not None or time.monotonic() > give_up_at:
                said = self.log(name).read_text(errors="replace")[-1000:].strip()
                raise DeploymentEndedError(f"the {name} did not start", hint=said or None)
            time.sleep(_LOOK_SECONDS)


@contextmanager
def deployed(
    folder: Path,
    environment: Mapping[str, str],
    workers: int,
    module: str,
    *,
    apart: bool = False,
) -> Iterator[Deployment]:
    """Run Dagster and so many workers for as long as the context lasts.

    Raises
    ------
    DeploymentEndedError
        If they do not start.
    """
    deployment = Deployment(folder, environment, module, apart=apart)
    try:
        deployment.start(workers)
        yield deployment
    finally:
        deployment.stop()
