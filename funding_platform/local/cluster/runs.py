"""Asking for runs as a sensor would, and waiting for their end, wherever they are worked on."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import dagster as dg
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

_LOOK_SECONDS: Final = 0.25


class Requests:
    """Asks for runs of the jobs that a code server knows.

    Parameters
    ----------
    instance
        Where runs are queued.
    workspace
        The file that names the code server.
    location
        Its name there.
    """

    def __init__(self, instance: dg.DagsterInstance, workspace: Path, location: str) -> None:
        self.instance = instance
        self._location = location
        self._context = WorkspaceProcessContext(instance, WorkspaceFileTarget([str(workspace)]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.__exit__(kind, error, trace)

    def submit(
        self,
        job: str,
        *,
        run_config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        assets: Sequence[dg.AssetKey] | None = None,
    ) -> str:
        """Queue a run of a job, or of some of its assets; return its id."""
        context = self._context.create_request_context()
        location = context.get_code_location(self._location)
        (repository,) = location.get_repositories().values()
        found = location.get_job(
            JobSubsetSelector(
                location_name=self._location,
                repository_name=repository.name,
                job_name=job,
                op_selection=None,
                asset_selection=assets,
            )
        )
        plan = location.get_execution_plan(
            found,
            run_config or {},
            step_keys_to_execute=None,
            known_state=None,
            instance=self.instance,
        )
        run = self.instance.create_run(
            job_name=job,
            run_id=None,
            run_config=run_config or {},
            resolved_op_selection=found.resolved_op_selection,
            step_keys_to_execute=None,
            status=dg.DagsterRunStatus.NOT_STARTED,
            op_selection=None,
            root_run_id=None,
            parent_run_id=None,
            tags={**(found.run_tags or {}), **(tags or {})},
            job_snapshot=found.job_snapshot,
            execution_plan_snapshot=plan.execution_plan_snapshot,
            parent_job_snapshot=found.parent_job_snapshot,
            remote_job_origin=found.get_remote_origin(),
            job_code_origin=found.get_python_origin(),
            asset_selection=None if assets is None else frozenset(assets),
            asset_check_selection=None,
            asset_graph=repository.asset_graph,
        )
        self.instance.submit_run(run.run_id, context)
        return run.run_id


def wait_for_end(instance: dg.DagsterInstance, run_id: str, seconds: float) -> dg.DagsterRun:
    """Return a run once it has ended, or the one that was asked for again in its place.

    Raises
    ------
    TimeoutError
        If that takes longer.
    """
    give_up_at = time.monotonic() + seconds
    while True:
        run = instance.get_run_by_id(run_id)
        if run is not None and run.is_finished:
            again = _is_asked_for_again(run, instance)
            if again is False:
                return run
            run_id = run.tags.get(AUTO_RETRY_RUN_ID_TAG, run_id)
        if time.monotonic() >= give_up_at:
            raise TimeoutError(f"run {run_id} has not ended after {seconds:g} s")
        time.sleep(_LOOK_SECONDS)


def _is_asked_for_again(run: dg.DagsterRun, instance: dg.DagsterInstance) -> bool | None:
    """Whether a finished run is to be tried again; None while Dagster has not said so.

    Dagster stores that a run has failed first, and whether it will be tried again after that.
    """
    if run.status != dg.DagsterRunStatus.FAILURE or not instance.run_retries_enabled:
        return False
    said = run.tags.get(WILL_RETRY_TAG)
    return None if said is None else said == "true"
