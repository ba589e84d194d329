"""From what is observed to what is told: a state machine per kind and subject, without any I/O.

An alert begins when a figure reaches its rule's upper bound, and ends when it falls to the lower
one or when its subject is no longer there. In between nothing is told. A figure that is unknown
changes nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict

from funding_platform.telemetry.alerts.rules import Rule, Severity

Detail: TypeAlias = str | int | float | bool | None

SCHEMA_VERSION: Final = 1
"""Of a message. A field that is added leaves it as it is; one that changes or goes raises it."""

TEST: Final = "test"
"""Kind, subject and event of a message that says only that messages arrive."""

NO_LONGER_OBSERVED: Final = "it is no longer observed"


@dataclass(frozen=True, slots=True)
class Observation:
    """One figure of one subject.

    Parameters
    ----------
    subject
        What it is about: a venue, an asset, an instrument. With the kind it tells alerts apart.
    value
        The figure, in the unit of its rule; None where it is not known.
    text
        What was seen, in a sentence.
    details
        Figures beside it.
    """

    subject: str
    value: float | None
    text: str
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was observed for one rule.

    Parameters
    ----------
    kind
        The rule's.
    observations
        One per subject.
    whole
        Whether that is all there is: an active alert whose subject is not among them has ended.
    """

    kind: str
    observations: Sequence[Observation]
    whole: bool = True


class Alert(BaseModel):
    """Something that is wrong, as long as it is; also what a message says of it.

    Parameters
    ----------
    kind, subject
        Together they tell alerts apart.
    severity
        ``critical``, ``warning`` or ``info``.
    title
        What is wrong, in a few words.
    text
        What was seen last, in a sentence.
    details
        Figures beside it.
    value, unit
        The figure that was seen last; null where none was.
    threshold
        The bound at which the alert began.
    since
        When it began.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    subject: str
    severity: Severity
    title: str
    text: str
    details: dict[str, Detail]
    value: float | None
    unit: str
    threshold: float | None
    since: AwareDatetime


class Message(Alert):
    """What is sent when an alert begins or ends.

    Parameters
    ----------
    schema_version
        1.
    id
        The same however often the message is sent; no other message has it.
    event
        ``raised``, ``resolved``, or ``test`` of one that was sent to see whether it arrives.
    at
        When it began or ended.
    lost_before
        Messages to the same address that were dropped since the last one that arrived, because too
        many were waiting.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    event: Literal["raised", "resolved", "test"]
    at: AwareDatetime
    lost_before: int = 0


def follow(
    rule: Rule, active: Alert | None, seen: Observation | None, now: datetime
) -> tuple[Alert | None, Message | None]:
    """Take an alert one step further.

    Parameters
    ----------
    active
        The alert as it stands; None where there is none.
    seen
        What was observed of its subject; None where it is no longer observed.
    now
        When that was.

    Returns
    -------
    tuple
        The alert as it stands now, and what is to be told, if anything is.
    """
    if active is None:
        if seen is None or seen.value is None or not seen.value >= rule.raise_at:
            return None, None
        alert = _alert(rule, seen, since=now)
        return alert, _message(alert, "raised", now)
    if seen is None:
        last = active.model_copy(update={"value": None, "text": NO_LONGER_OBSERVED})
        return None, _message(last, "resolved", now)
    if seen.value is None:
        return active, None
    latest = _alert(rule, seen, since=active.since)
    if seen.value <= rule.resolve_at:
        return None, _message(latest, "resolved", now)
    return latest, None


def trial_message(now: datetime) -> Message:
    """Make a message that says only that messages arrive."""
    alert = Alert(
        kind=TEST,
        subject=TEST,
        severity="info",
        title="A test of the alerts",
        text="somebody ran `funding alerts test`",
        details={},
        value=None,
        unit="",
        threshold=None,
        since=now,
    )
    return _message(alert, TEST, now)


def _alert(rule: Rule, seen: Observation, since: datetime) -> Alert:
    return Alert(
        kind=rule.kind,
        subject=seen.subject,
        severity=rule.severity,
        title=rule.title.format(subject=seen.subject),
        text=seen.text,
        details=dict(seen.details),
        value=seen.value,
        unit=rule.unit,
        threshold=rule.raise_at,
        since=since,
    )


def _message(alert: Alert, event: Literal["raised", "resolved", "test"], now: datetime) -> Message:
    told = alert.model_dump() | {"event": event, "at": now}
    return Message(id=_identity(alert, event), **told)


def _identity(alert: Alert, event: str) -> str:
    """Derive the id from what began when: whoever derives it again gets the same."""
    parts = json.dumps([alert.kind, alert.subject, alert.since.isoformat(), event])
    return f"alert_{hashlib.sha256(parts.encode()).hexdigest()[:32]}"
