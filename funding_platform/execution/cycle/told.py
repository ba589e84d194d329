"""Which refusals are news: the same one, cycle after cycle, is told once an hour."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from funding_platform.execution.cycle.facts import Refusal, Refused
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.execution.store.records import NewEvent

AGAIN_AFTER: Final = timedelta(hours=1)

REFUSED: Final = "open_refused"
"""Kind of the event."""

_Key = tuple[Refusal, str | None, InstrumentRef | None, InstrumentRef | None]


@dataclass(slots=True)
class Told:
    """Remembers what was told, and when."""

    at: dict[_Key, datetime] = field(default_factory=dict)

    def news(self, refused: Iterable[Refused], now: datetime) -> list[NewEvent]:
        """Return events for what was not told within the hour; what is no longer so is forgotten.

        A reason that comes back after a cycle without it is news.
        """
        current = {(one.reason, one.base, one.long, one.short): one for one in refused}
        fresh = [key for key in current if now - self.at.get(key, now - AGAIN_AFTER) >= AGAIN_AFTER]
        self.at = {key: self.at.get(key, now) for key in current} | dict.fromkeys(fresh, now)
        return [event_of(current[key]) for key in fresh]


def event_of(refused: Refused) -> NewEvent:
    """Write a refusal as an event."""
    legs = {
        name: {"venue": leg.venue, "venue_symbol": leg.venue_symbol}
        for name, leg in (("long", refused.long), ("short", refused.short))
        if leg is not None
    }
    return NewEvent(
        kind=REFUSED,
        reason=f"{refused.reason}: {refused.words}",
        actor="trader",
        details={"code": str(refused.reason), "base": refused.base, **legs},
    )
