"""What Dagster knows, as plain facts, and what of it is not well."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from funding_platform.core.plain_text import first_few
from funding_platform.flows.doctor.finding import Finding

LATEST_BEAT: Final = timedelta(minutes=5)
"""A daemon beats every half a minute; one that loads the code again is silent for longer."""

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class DagsterFacts:
    """What Dagster knows at a moment.

    Parameters
    ----------
    heartbeats
        When each part of the daemon was alive last; empty where none has ever run.
    code_servers
        Why each standing code server does not answer, or None where it does.
    last_runs
        Of every job the state of its newest finished run, and when that ended.
    under_way
        Runs that are under way: job, and when each began.
    held_slots
        Slots of pools that are held, and by which run.
    slots_of_ended_runs
        Those of them whose run has ended.
    failed_checks
        Asset checks whose newest result is a failure: an error, no warning.
    """

    heartbeats: Mapping[str, datetime] = field(default_factory=dict)
    code_servers: Mapping[str, str | None] = field(default_factory=dict)
    last_runs: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    under_way: tuple[tuple[str, datetime], ...] = ()
    held_slots: tuple[tuple[str, str], ...] = ()
    slots_of_ended_runs: tuple[tuple[str, str], ...] = ()
    failed_checks: tuple[str, ...] = ()


def examine(facts: DagsterFacts, now: datetime) -> list[Finding]:
    """Judge the facts."""
    return [
        _daemon(facts, now),
        *_code_servers(facts),
        _runs(facts, now),
        _slots(facts),
        _checks(facts),
    ]


def _daemon(facts: DagsterFacts, now: datetime) -> Finding:
    if not facts.heartbeats:
        return Finding(True, "no daemon has run here yet: `funding dev` starts one", name="daemon")
    part, oldest = min(facts.heartbeats.items(), key=lambda beat: beat[1])
    if now - oldest <= LATEST_BEAT:
        return Finding(True, f"the daemon was alive at {oldest:%H:%M:%S} UTC", name="daemon")
    return Finding(
        False,
        f"the daemon ({part}) was alive last at {oldest:%Y-%m-%d %H:%M} UTC: nothing starts",
        "start it: `systemctl restart funding-daemon`, or `funding dev`",
        name="daemon",
    )


def _code_servers(facts: DagsterFacts) -> list[Finding]:
    """Judge the code servers; where no daemon has ever run, none of them need run either."""
    if not facts.heartbeats:
        return []
    return [
        Finding(
            problem is None,
            f"the code server {address} {problem or 'answers'}",
            None if problem is None else "start it again; its log says why it ended",
            name="code_server",
        )
        for address, problem in facts.code_servers.items()
    ]


def _runs(facts: DagsterFacts, now: datetime) -> Finding:
    failed = [
        f"{job} ({at:%Y-%m-%d %H:%M} UTC)"
        for job, (state, at) in sorted(facts.last_runs.items())
        if state == "FAILURE"
    ]
    longest = max((now - since for _, since in facts.under_way), default=None)
    told = f"{len(facts.under_way)} runs are under way"
    told += "" if longest is None else f", the oldest for {longest / timedelta(minutes=1):.0f} min"
    if not failed:
        return Finding(True, f"{told}; no job's last run failed", name="runs")
    return Finding(
        False,
        f"{told}; the last run failed of {', '.join(failed[:SHOWN])}",
        "the log of the run in the UI says why; start it again there",
        name="runs",
    )


def _slots(facts: DagsterFacts) -> Finding:
    if not facts.slots_of_ended_runs:
        return Finding(True, f"{len(facts.held_slots)} pool slots are held", name="slots")
    named = ", ".join(f"{pool} by run {run}" for pool, run in facts.slots_of_ended_runs[:SHOWN])
    return Finding(
        False,
        f"slots are held by runs that have ended: {named}",
        "the daemon frees them within half a minute; start it where it does not run",
        name="slots",
    )


def _checks(facts: DagsterFacts) -> Finding:
    if not facts.failed_checks:
        return Finding(True, "no asset check has failed", name="checks")
    named = first_few(facts.failed_checks, SHOWN)
    return Finding(
        False,
        f"{len(facts.failed_checks)} asset checks have failed: {named}",
        "each says in the UI what it found",
        name="checks",
    )
