"""Sensors of the alerts: what ended how, what the lake shows, what waits to be sent.

Shells: what is judged, and how it is told, is ``flows.alerting``'s. None of them starts a run.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from funding_platform.defs.automation.tags import PARTITION_TAG, VENUE_TAG
from funding_platform.defs.running.failed_checks import failed_checks
from funding_platform.flows.alerting.rounds import look, look_live, run_observed, send
from funding_platform.settings import Settings

LOOK_EVERY = timedelta(minutes=5)
"""Data age by the hour; opening the lake more often would show nothing new."""

ASSETS_BY_HAND = "__ASSET_JOB"
"""What Dagster calls a run of assets that no job names."""


def alert_sensors(**stated: Any) -> list[dg.SensorDefinition]:
    """Make the sensors.

    Parameters
    ----------
    stated
        Settings that are not those of the environment.
    """

    @dg.run_failure_sensor(
        name="alert_failed_runs",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Raises an alert for a job whose run has failed.",
    )
    def alert_failed_runs(context: dg.RunFailureSensorContext) -> None:
        told = "; ".join(_cause(event) for event in context.get_step_failure_events())
        _note(context, Settings(**stated), failed=True, told=told)

    @dg.run_status_sensor(
        name="alert_recovered_runs",
        minimum_interval_seconds=60,
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ends the alert of a job whose next run has succeeded.",
    )
    def alert_recovered_runs(context: dg.RunStatusSensorContext) -> None:
        _note(context, Settings(**stated), failed=False, told="it succeeded")

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the lake every five minutes, at the live board every minute, and "
        "sends what has begun or ended.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        settings, now = Settings(**stated), datetime.now(UTC)
        if is_due(context.cursor, now):
            told = len(look(settings, now, failed_checks(context.instance)))
            context.update_cursor(now.isoformat())
        else:
            told = len(look_live(settings, now))
        return dg.SkipReason(f"{told} alerts have begun or ended, {send(settings)} messages sent")

    return [alert_failed_runs, alert_recovered_runs, alerts]


def is_due(cursor: str | None, now: datetime) -> bool:
    """Tell whether the lake is to be looked at again; a last look ahead of now was none."""
    if cursor is None:
        return True
    return not now - LOOK_EVERY < datetime.fromisoformat(cursor) <= now


def subject_of(run: dg.DagsterRun) -> str:
    """Return what an alert about a run is about: its job, or the assets that somebody chose.

    Of a job that runs once per venue it is about the venue.
    """
    if run.asset_selection and run.job_name.startswith(ASSETS_BY_HAND):
        first, *others = sorted(key.to_user_string() for key in run.asset_selection)
        return f"{first} and {len(others)} more assets" if others else first
    venue = run.tags.get(VENUE_TAG)
    return f"{run.job_name} of {venue}" if venue else run.job_name


def _cause(event: dg.DagsterEvent) -> str:
    """Say in a line why a step failed: the first error in the chain, without its traceback."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    first, *_ = (error.message.strip() if error is not None else "").split("\n")
    return f"{event.step_key}: {first}"


def _note(
    context: dg.RunStatusSensorContext, settings: Settings, *, failed: bool, told: str
) -> None:
    """Note the end of a run; the sensor ``alerts`` sends what follows from it."""
    run = context.dagster_run
    partition = run.tags.get(PARTITION_TAG)
    which = f"run {run.run_id}" + (f" of partition {partition}" if partition else "")
    text = f"{which}: {told or context.dagster_event.message or ''}"
    run_observed(settings, subject_of(run), failed=failed, text=text, now=datetime.now(UTC))
