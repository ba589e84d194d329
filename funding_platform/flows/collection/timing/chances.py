"""Second chances: which venues are asked again within the hour, and when.

What a venue serves only as "now" is lost once its hour is over, so that one outage of a minute must
not cost the hour. Nothing here keeps a state: whoever asks twice, or after a restart, is told the
same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import floor_hour

CHANCES: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 35))
"""How long into the hour venues are asked again. A gateway that restarts is back after the first; a
maintenance of half an hour is over before the last, which leaves time for the queue."""

Wanted: TypeAlias = tuple[str, Table]
"""A venue, and a table that it is asked for."""


@dataclass(frozen=True, slots=True)
class Look:
    """A run that looks at venues for one hour.

    Parameters
    ----------
    began
        When it was asked for.
    over
        Whether it has ended, well or not.
    venue
        The one that it asks; None where it asks all.
    """

    began: datetime
    over: bool
    venue: str | None = None


def latest_chance(now: datetime) -> datetime | None:
    """Return the last instant of the running hour at which venues are asked again, if it is due."""
    due = [floor_hour(now) + after for after in CHANCES if floor_hour(now) + after <= now]
    return due[-1] if due else None


def is_looking(looks: Sequence[Look]) -> bool:
    """Tell whether it cannot be said yet whom to ask: a look at all venues is not over."""
    return any(look.venue is None and not look.over for look in looks)


def to_ask_again(
    chance: datetime,
    wanted: Collection[Wanted],
    stored: Collection[Wanted],
    looks: Sequence[Look],
) -> Mapping[str, Sequence[Table]]:
    """Return the venues to ask again, each with the tables that it still owes.

    Parameters
    ----------
    chance
        From ``latest_chance``.
    wanted, stored
        What the hour should have, and what it has.
    looks
        The runs of the hour so far. A first look that begins after the chance leaves it to the
        next one: a daemon that comes back at twenty past asks once, not twice.
    """
    if not looks or is_looking(looks) or min(look.began for look in looks) >= chance:
        return {}
    under_way = {look.venue for look in looks if not look.over}
    owed: dict[str, list[Table]] = {}
    for venue, table in wanted:
        if (venue, table) not in stored and venue not in under_way:
            owed.setdefault(venue, []).append(table)
    return owed
