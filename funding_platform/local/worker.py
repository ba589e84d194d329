"""A worker of runs on this machine, until it is asked to end."""

from funding_platform.defs.workers.broker import QUEUE
from funding_platform.local.home import prepare_home
from funding_platform.settings import Settings


def serve_runs(*, name: str, runs: int, level: str) -> None:
    """Take runs off the queue, and work on each in a process of its own.

    Asked to terminate, it takes no more and ends with the last of its runs; asked once more, at
    once, and Dagster notices that they have died.

    Parameters
    ----------
    name
        What it is called, at this machine.
    runs
        How many it works on at one time.
    level
        What it logs at least.

    Raises
    ------
    WorkersNotSetError, DagsterHomeError
        If the settings do not say where runs wait, or where Dagster keeps them.
    """
    prepare_home(Settings())
    from funding_platform.defs.workers.app import app  # reads the settings as it is imported

    app.worker_main(
        [
            "worker",
            f"--hostname={name}@%h",
            f"--concurrency={runs}",
            f"--queues={QUEUE}",
            f"--loglevel={level}",
            "--pool=prefork",
            "--without-gossip",
            "--without-mingle",
        ]
    )
