"""The demonstration on a cluster: PostgreSQL, Redis, S3 and two workers, all on this machine."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import dagster as dg
import polars as pl

from funding_platform.core.system.interrupts import terminated_like_interrupted
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import floor_hour
from funding_platform.defs.assembly import build_definitions
from funding_platform.defs.partitions import HOUR_KEY
from funding_platform.defs.running.jobs import BACKTEST, COLLECT, TRANSFORM, history_job_name
from funding_platform.flows.backtests.reports import report_file, write_report
from funding_platform.flows.progress import step
from funding_platform.local.cluster.deployment import LOCATION, UNATTENDED, deployed, stated_by
from funding_platform.local.cluster.row_hashes import row_hashes
from funding_platform.local.cluster.runs import Requests, wait_for_end
from funding_platform.local.cluster.servers import ObjectStore, Postgres, Redis, running
from funding_platform.local.demo import DemoError, show_tables, tell_report
from funding_platform.local.home import dagster_instance
from funding_platform.local.sandbox_run import (
    QUIET,
    SandboxRun,
    history_assets,
    range_tags,
    sandbox_venues,
)
from funding_platform.sandbox.server import build_market
from funding_platform.settings import Settings, as_environment
from funding_platform.venues.registry import offering, venue_names
from funding_platform.views.terminal import console, progress_bars, show

WORKERS: Final = 2

_SILENT: Final = {"telemetry": {"enabled": False}, "nux": {"enabled": False}}
"""Of Dagster, which would else tell its makers that it is used."""

LONGEST_SECONDS: Final = 3600.0
"""That a run may take, with those before it in the queue."""


def run_cluster_demo(*, months: int, symbols: int, compare: bool) -> None:
    """Run every job of the demonstration once on a cluster, show what came of it, and stop all.

    Parameters
    ----------
    months, symbols
        As of the demonstration on one machine.
    compare
        Whether to run that too, before, on the same market, and to hold the rows of both against
        each other.

    Raises
    ------
    DemoError
        If a run fails, or the rows of both differ.
    ServerError, DeploymentEndedError
        If something of the cluster does not start.
    """
    began, own = time.monotonic(), Settings()
    with ExitStack() as stack:
        stack.enter_context(terminated_like_interrupted())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="funding-cluster-")))
        venues = stack.enter_context(sandbox_venues(partial(build_market, symbols=symbols)))
        until = floor_hour(datetime.now(UTC))
        stated = venues | stack.enter_context(_cluster(folder))  # first: it may be missing
        alone = _on_one_machine(folder, venues, months, until) if compare else None
        environment = as_environment(stated) | {"DAGSTER_HOME": str(folder / "dagster_home")}
        os.environ.update(environment)  # this process is the command's own, and ends with it
        settings = Settings()
        instance = stack.enter_context(dagster_instance())
        running_here = deployed(folder, os.environ, WORKERS, UNATTENDED, apart=True)
        deployment = stack.enter_context(running_here)
        requests = stack.enter_context(Requests(instance, deployment.workspace, LOCATION))
        with progress_bars(folder / "demo.log"):
            _everything(_Runs(requests), months)
        run = show_tables(settings)
        # A worker's own report goes with the worker; the lake has all that it is made of.
        tell_report(write_report(settings, run, report_file(own, run.run_id)))
        _tell_hashes(row_hashes(settings, until), alone)
    console.print(f"finished in {time.monotonic() - began:.0f} s; all servers are stopped")


@contextmanager
def _cluster(folder: Path) -> Iterator[dict[str, Any]]:
    """Start the servers; yield the settings that name them."""
    with running(Postgres, Redis, ObjectStore) as (postgres, redis, objects):
        assert isinstance(postgres, Postgres)
        assert isinstance(redis, Redis)
        assert isinstance(objects, ObjectStore)
        stated = stated_by(postgres, redis, objects, runs=WORKERS + 1)  # of history one less
        yield stated | {"data_dir": str(folder / "here")}


def _on_one_machine(
    folder: Path, venues: Mapping[str, Any], months: int, until: datetime
) -> pl.DataFrame:
    """Run the same jobs in this process, over a lake in a folder; return the hashes of its rows."""
    stated = {**venues, "data_dir": str(folder / "alone"), "lake_profile": "embedded"}
    with (
        dg.DagsterInstance.local_temp(str(folder), _SILENT) as instance,
        progress_bars(folder / "alone.log"),
    ):
        world = SandboxRun(build_definitions(**stated), instance)
        for what, result in world.everything(months):
            if not result.success:
                raise DemoError(f"{what} failed on one machine, in run {result.run_id}")
    return row_hashes(Settings(**stated), until)


def _tell_hashes(found: pl.DataFrame, alone: pl.DataFrame | None) -> None:
    """Show what rows hash to, beside those of one machine.

    Raises
    ------
    DemoError
        If they differ.
    """
    if alone is None:
        show(found, title="Rows of the past, and their hashes")
        return
    both = found.join(alone, on="table", suffix="_alone", maintain_order="left").with_columns(
        equal=(pl.col("hash") == pl.col("hash_alone")) & (pl.col("rows") == pl.col("rows_alone"))
    )
    show(both, title="Rows of the past and their hashes: of the cluster, and of one machine")
    if not both["equal"].all():
        raise DemoError("the cluster holds other rows than one machine does")


@dataclass(frozen=True, slots=True)
class _Runs:
    """Asks for runs and waits for them."""

    requests: Requests

    def submit(self, job: str, **asked: Any) -> str:
        return self.requests.submit(job, run_config=QUIET, **asked)

    def all_end(self, what: str, run_ids: list[str]) -> None:
        """Wait for runs.

        Raises
        ------
        DemoError
            If one has failed.
        """
        with step(what):
            for run_id in run_ids:
                run = wait_for_end(self.requests.instance, run_id, LONGEST_SECONDS)
                if run.status != dg.DagsterRunStatus.SUCCESS:
                    raise DemoError(
                        f"{run.job_name} ended as {run.status.value}: {self._said(run)}"
                    )

    def _said(self, run: dg.DagsterRun) -> str:
        """Return why the steps of a run failed, or why the run did where no step had begun."""
        logs = self.requests.instance.all_logs
        steps = logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        if steps:
            events = (entry.get_dagster_event() for entry in steps)
            return "; ".join(event.step_failure_data.error_display_string for event in events)
        ends = logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        return "; ".join(entry.get_dagster_event().message or "" for entry in ends)


def _everything(runs: _Runs, months: int) -> None:
    """Run every job once; the venues' histories side by side."""
    hour = {"dagster/partition": f"{floor_hour(datetime.now(UTC)):{HOUR_KEY}}"}
    runs.all_end("the hourly collection", [runs.submit(COLLECT, tags=hour)])
    histories = [
        runs.submit(history_job_name(venue), tags=range_tags(months), assets=history_assets(venue))
        for venue in offering(FUNDING_RATES, Settings().venues or venue_names())
    ]
    runs.all_end(f"{len(histories)} histories by {WORKERS} workers", histories)
    runs.all_end("the transforms", [runs.submit(TRANSFORM, tags=range_tags(months))])
    runs.all_end("the backtest", [runs.submit(BACKTEST)])
