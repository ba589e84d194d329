"""Launching runs so that a run whose worker has died is noticed, whatever died with it.

A code server reports a worker that dies under it. When the server dies too, nobody knows the worker
any more: the run stays STARTED and keeps its pool slots until its longest run time is over. With
this launcher, run monitoring asks whether the worker lives. What follows from the answer is
Dagster's own: it fails the run, and frees its slots.
"""

import dagster as dg
import psutil
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

CLOCK_TOLERANCE_SECONDS = 5.0
"""How much later than its own first event a worker may seem to have started.

The start of a process is known to the second only, and clocks are set.
"""


class WatchfulRunLauncher(dg.DefaultRunLauncher):
    """Dagster's own launcher, which can also tell whether a run's worker lives.

    The worker is the process that the run's log names, on this machine.
    """

    def __init__(self, inst_data: object = None) -> None:
        super().__init__(inst_data)  # type: ignore[arg-type]
        self._seen: dict[str, psutil.Process] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell run monitoring to ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the worker of a started run lives.

        A run that has not named its process yet counts as running.
        """
        worker = self._seen.get(run.run_id)
        if worker is None:
            named = self._process_named_by(run)
            if named is None:
                return CheckRunHealthResult(WorkerStatus.RUNNING, "has not named its process yet")
            pid, at = named
            worker = worker_process(pid, at)
            if worker is None:
                return _died(pid)
        if not is_alive(worker):
            self._seen.pop(run.run_id, None)
            return _died(worker.pid)
        # Known from now on by the process itself, which a clock that is set cannot change.
        self._seen = {id_: one for id_, one in self._seen.items() if one.is_running()}
        self._seen[run.run_id] = worker
        return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(worker.pid))

    def _process_named_by(self, run: dg.DagsterRun) -> tuple[int, float] | None:
        """Return the process that a run named first, and when it did."""
        events = self._instance.event_log_storage.get_logs_for_run(
            run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT
        )
        for entry in events:
            event = entry.dagster_event
            pid = event.engine_event_data.metadata.get("pid") if event else None
            if pid is not None:
                return int(str(pid.value)), entry.timestamp
        return None


def worker_process(pid: int, alive_at: float) -> psutil.Process | None:
    """Return the process with an id if it is the one that was alive at an instant.

    An id is given again once its process has ended, and after a start of the machine soon.
    """
    try:
        process = psutil.Process(pid)
        started = process.create_time()
    except psutil.NoSuchProcess:
        return None
    return process if started <= alive_at + CLOCK_TOLERANCE_SECONDS else None


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs; one that only waits to be reaped does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _died(pid: int) -> CheckRunHealthResult:
    return CheckRunHealthResult(
        WorkerStatus.FAILED, f"its process (pid {pid}) was killed or has crashed"
    )
