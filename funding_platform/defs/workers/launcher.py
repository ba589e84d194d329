"""Launching runs on Celery workers, and noticing that one has died."""

from typing import Any

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from funding_platform.defs.workers.beats import LEASE_SECONDS, Beats
from funding_platform.defs.workers.broker import (
    NO_RESULTS,
    QUEUE,
    broker_url,
    celery_settings,
    dagster_url,
)
from funding_platform.settings import Settings


class LeasedCeleryLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, which asks the lease of a run whether its worker lives.

    The broker is that of the settings, so that ``dagster.yaml`` holds no secret.
    """

    def __init__(self, inst_data: Any = None) -> None:
        settings = Settings()
        super().__init__(
            default_queue=QUEUE,
            broker=broker_url(settings),
            backend=NO_RESULTS,
            config_source=celery_settings(),
            inst_data=inst_data,
        )
        self._dagster_url = dagster_url(settings)
        self._beats: Beats | None = None

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Say that ``dagster.yaml`` configures nothing."""
        return {}

    @property
    def supports_resume_run(self) -> bool:
        """Begin a run anew, as another run: what it had done lies in the lake, by partitions."""
        return False

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the lease of a started run is renewed."""
        self._beats = self._beats or Beats(self._dagster_url)
        silence = self._beats.silence(run.run_id)
        if silence is None:
            return CheckRunHealthResult(WorkerStatus.FAILED, "its worker has never said anything")
        if silence > LEASE_SECONDS:
            said = f"its worker was killed or cut off: silent for {silence:.0f} s"
            return CheckRunHealthResult(WorkerStatus.FAILED, said)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def terminate(self, run_id: str) -> bool:
        """Interrupt the process of a run, which then says by itself that it was cancelled."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        self.celery.control.revoke(task, terminate=True, signal="SIGINT")
        return True

    def get_run_worker_debug_info(
        self,
        run: dg.DagsterRun,
        include_container_logs: bool | None = True,
    ) -> str | None:
        """Return nothing: what is known of a worker is in the result of the check."""
        return None

    def dispose(self) -> None:
        """Close the connections."""
        if self._beats is not None:
            self._beats.close()
