"""When settled rates are refreshed after a roll: just after it, as far as the budget goes.

A roll is the instant at which perpetuals settle, as the venue's snapshots announce it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

AFTER_ROLL: Final = timedelta(minutes=2)
"""How long after a roll its settlements are asked for: the venues have published them by then."""

SHARE: Final = 0.1
"""Of a venue's time, at most, that its rolls are followed. What a refresh takes is what its request
budget makes of it: one call takes a moment, hundreds take minutes, and then an hour passes."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh of settled rates: when it began, and what it took."""

    began: datetime
    took: timedelta


def roll_to_follow(
    now: datetime, announced: Collection[datetime], last: Refresh | None
) -> datetime | None:
    """Return the latest roll whose settlements are to be asked for now; None if there is none.

    Parameters
    ----------
    now
        The present.
    announced
        When perpetuals were to settle next, as the latest snapshots said.
    last
        The latest refresh that is over.
    """
    passed = [roll for roll in announced if roll + AFTER_ROLL <= now]
    if not passed:
        return None
    roll = max(passed)
    if last is None:
        return roll
    if last.began >= roll + AFTER_ROLL or now < last.began + last.took / SHARE:
        return None
    return roll
