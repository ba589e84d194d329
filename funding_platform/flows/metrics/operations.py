"""Figures of what looks after the platform: the alerts, and Dagster."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from funding_platform.flows.alerting.rounds import standing
from funding_platform.flows.doctor.orchestration import DagsterFacts
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Family


def of_alerts(settings: Settings) -> Iterator[Family]:
    """Tell which alerts are active, and what could not be sent."""
    if not settings.alerts_file.exists():
        return
    active, waiting = standing(settings)
    counted = Counter((alert.kind, alert.severity) for alert in active)
    yield declared.ALERTS_ACTIVE.of({labels: float(n) for labels, n in counted.items()})
    yield declared.ALERT_MESSAGES_WAITING.of(
        {(sink,): float(one.messages) for sink, one in waiting.items()}
    )
    yield declared.ALERT_MESSAGES_DROPPED.of(
        {(sink,): float(one.lost) for sink, one in waiting.items()}
    )


def of_dagster(facts: DagsterFacts, now: datetime) -> Iterator[Family]:
    """Tell how the daemon, the pools and the runs are."""
    yield declared.DAEMON_HEARTBEAT_AGE.of(
        {(part,): (now - at).total_seconds() for part, at in facts.heartbeats.items()}
    )
    held = Counter(pool for pool, _ in facts.held_slots)
    yield declared.POOL_SLOTS_HELD.of({(pool,): float(n) for pool, n in held.items()})
    yield declared.POOL_SLOTS_OF_ENDED_RUNS.single(float(len(facts.slots_of_ended_runs)))
    yield declared.RUNS_UNDER_WAY.single(float(len(facts.under_way)))
    yield declared.LAST_RUN_FAILED.of(
        {(job,): float(state == "FAILURE") for job, (state, _) in facts.last_runs.items()}
    )
    yield declared.FAILED_CHECKS.single(float(len(facts.failed_checks)))
