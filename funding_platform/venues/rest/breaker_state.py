"""The state of a venue's breaker, as it is stored; what makes no sense is forgotten.

A file is written by every process and version, and by whoever opens it. A ban until the year 9999
or a count below zero would keep a venue away for ever, or fail every call to it.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from funding_platform.core.plain_text import MESSAGE_LENGTH
from funding_platform.venues.rest.retries import LONGEST_BAN_SECONDS
from funding_platform.venues.rest.state.store import Statements, StateStore

BreakerState: TypeAlias = Literal["closed", "open", "half-open", "banned"]
"""Calls pass (closed), wait (open, banned), or are tried out one at a time (half-open)."""

_LOG = logging.getLogger(__name__)

OPEN_AFTER: Final = 5
"""Failed calls in a row. Five tries each make 25 requests over some 15 seconds at the least."""

COOL_DOWN_SECONDS: Final = 30.0
"""Long enough for a restarting gateway, short against the hour between two snapshots."""

_SKEW_SECONDS: Final = 60.0
"""How far a clock may have been set back since a moment was written."""

_MOST_FAILURES: Final = 10**6

_COLUMNS: Final = (
    "banned_until",
    "ban",
    "failures",
    "last_failed_at",
    "last_failure",
    "retry_at",
)

_AHEAD: Final = {
    "banned_until": LONGEST_BAN_SECONDS,
    "last_failed_at": 0.0,
    "retry_at": COOL_DOWN_SECONDS,
}
"""By how many seconds each moment may lie ahead."""


@dataclass(frozen=True, slots=True)
class BreakerRecord:
    """What is remembered of a venue's failures, by all that share its state.

    Parameters
    ----------
    banned_until, ban
        Until when the venue shuts us out, and what it said; None where it never did.
    failures
        Calls that failed in a row.
    last_failed_at, last_failure
        When a call last failed, and how.
    retry_at
        When an open breaker lets the next call through.
    """

    banned_until: datetime | None
    ban: str | None
    failures: int
    last_failed_at: datetime | None
    last_failure: str | None
    retry_at: datetime | None

    def state(self, now: datetime) -> BreakerState:
        """Tell whether calls pass (closed), wait (open, banned), or are tried out (half-open)."""
        if self.banned_until is not None and now < self.banned_until:
            return "banned"
        if self.failures < OPEN_AFTER or self.retry_at is None:
            return "closed"
        return "open" if now < self.retry_at else "half-open"


def record_in(state: StateStore, now: float) -> BreakerRecord:
    """Return what is remembered; forget, with a warning, whatever of it makes no sense.

    Parameters
    ----------
    state
        What the processes share of the venue.
    now
        Seconds since the epoch.
    """
    row = state.read(_row)
    senseless = [name for name in _COLUMNS if not _makes_sense(name, row[name], now)]
    if senseless:
        _LOG.warning("%s: what it says of %s makes no sense; forgotten", state.place, senseless)
        state.transact(lambda database: _forget(database, senseless))
        row |= {name: 0 if name == "failures" else None for name in senseless}
    return _record(row)


def record_within(database: Statements) -> BreakerRecord:
    """Return the same inside a transaction, once ``record_in`` has looked."""
    return _record(_row(database))


def _row(database: Statements) -> dict[str, object]:
    values = database.execute(f"SELECT {', '.join(_COLUMNS)} FROM breaker").fetchone()
    if values is None:  # someone emptied the table
        database.execute("INSERT INTO breaker DEFAULT VALUES")
        return dict.fromkeys(_COLUMNS) | {"failures": 0}
    return dict(zip(_COLUMNS, values, strict=True))


def _makes_sense(name: str, value: object, now: float) -> bool:
    if name == "failures":
        return isinstance(value, int) and 0 <= value <= _MOST_FAILURES
    if value is None:
        return True
    if name in _AHEAD:
        latest = now + _AHEAD[name] + _SKEW_SECONDS
        return isinstance(value, int | float) and 0 <= value <= latest
    return isinstance(value, str) and len(value) <= 2 * MESSAGE_LENGTH


def _forget(database: Statements, names: list[str]) -> None:
    blank = ", ".join(f"{name} = {0 if name == 'failures' else 'NULL'}" for name in names)
    database.execute(f"UPDATE breaker SET {blank}")


def _record(row: dict[str, object]) -> BreakerRecord:
    moments = {name: _instant(row[name]) for name in _AHEAD}
    return BreakerRecord(**{**row, **moments})  # type: ignore[arg-type]


def _instant(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int | float) else None
