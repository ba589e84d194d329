"""What came of each venue's streams since the collector started."""

import math
from dataclasses import dataclass, field
from typing import Final

_MEMORY_SECONDS: Final = 10.0


@dataclass(slots=True)
class Rate:
    """How many in a second: ``sum over events of exp(-(now - t) / 10 s) / 10 s``.

    What is older than some ten seconds hardly counts.
    """

    _sum: float = 0.0
    _at: float = 0.0

    def count(self, number: int, now: float) -> None:
        """Note that so many came."""
        self._sum = self._sum * self._fading(now) + number
        self._at = now

    def per_second(self, now: float) -> float:
        """Return the rate as it stands."""
        return self._sum * self._fading(now) / _MEMORY_SECONDS

    def _fading(self, now: float) -> float:
        return math.exp((self._at - now) / _MEMORY_SECONDS)


@dataclass(slots=True)
class FeedStatistics:
    """Counts of one venue.

    Parameters
    ----------
    messages, updates
        Messages of the venue, and what they said of perpetuals.
    unread
        Rows that could not be.
    strangers
        Updates of perpetuals that the venue did not list; they are left out.
    connects, gaps
        How often data began to flow, and how often they ended.
    failed_connects
        Tries to connect that brought no data.
    stale
        Perpetuals that fell silent while others spoke.
    refusals
        Subscriptions that were declined.
    given_up
        How often patience ended.
    refills, failed_refills
        Snapshots by REST.
    restarts
        How often the whole feed was begun anew after a failure of ours.
    last_failure
        What last went wrong, in words.
    """

    messages: int = 0
    updates: int = 0
    unread: int = 0
    strangers: int = 0
    connects: int = 0
    gaps: int = 0
    failed_connects: int = 0
    stale: int = 0
    refusals: int = 0
    given_up: int = 0
    refills: int = 0
    failed_refills: int = 0
    restarts: int = 0
    last_failure: str | None = None
    message_rate: Rate = field(default_factory=Rate)
    update_rate: Rate = field(default_factory=Rate)

    def note_message(self, updates: int, unread: int, now: float) -> None:
        """Count one message."""
        self.messages += 1
        self.updates += updates
        self.unread += unread
        self.message_rate.count(1, now)
        self.update_rate.count(updates, now)


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How one venue's feed stands.

    Parameters
    ----------
    connections, live
        Planned, and those of them on which data flow.
    age_seconds
        Of the newest data of the connection that is worst off; None while one is down, or where
        there is no stream.
    silent
        Perpetuals that do not speak when each of them has to.
    messages_per_second, updates_per_second
        Over the last ten seconds.
    """

    connections: int
    live: int
    age_seconds: float | None
    silent: int
    messages_per_second: float
    updates_per_second: float
    counts: FeedStatistics
