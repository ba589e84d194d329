"""The application that Celery's workers serve.

dagster-celery has one too. A run of this one renews its lease as it works, and is not begun where
it was given up before its turn came.
"""

import os
import socket
from typing import Any, Final

import dagster as dg
from celery import Celery, Task
from dagster._cli.api import _execute_run_command_body
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.make_app import make_app

from funding_platform.defs.workers.beats import Heart, beating, lease
from funding_platform.defs.workers.broker import (
    NO_RESULTS,
    broker_url,
    celery_settings,
    dagster_url,
)
from funding_platform.settings import Settings

_SETTINGS: Final = Settings()

app: Celery = make_app(  # type: ignore[no-untyped-call]
    {"broker": broker_url(_SETTINGS), "backend": NO_RESULTS, "config_source": celery_settings()}
)


@app.task(bind=True, name=TASK_EXECUTE_JOB_NAME)  # type: ignore[untyped-decorator]
def execute_job(task: Task, execute_job_args_packed: Any) -> None:
    """Work on a run to its end, however that is; Dagster's database tells."""
    run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
    worker = f"{task.request.hostname}, process {os.getpid()} of {socket.gethostname()}"
    with lease(dagster_url(_SETTINGS), run_id, worker) as beats:
        if beats is not None:
            _execute(run_id, Heart(lambda: beats.renew(run_id)))
            beats.end(run_id)


def _execute(run_id: str, heart: Heart) -> None:
    with beating(heart), dg.DagsterInstance.get() as instance:
        _execute_run_command_body(
            run_id=run_id,
            instance=instance,
            write_stream_fn=lambda _: None,
            set_exit_code_on_failure=False,
        )
