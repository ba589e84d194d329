"""Does the clock say what the lake says? Asked before anything is judged by its age.

Clocks jump: a machine without a battery starts in another year, a virtual one wakes up after weeks.
By such a clock everything is old. The lake itself knows how time went on, by its commits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from funding_platform.lake.errors import ClockJumpedError

PAUSE = timedelta(days=2)
"""Without a commit for longer, either the lake rested or the clock jumped."""

CONFIRMED = timedelta(days=1)
"""Commits over this long confirm the time after a pause."""

REFUSED = timedelta(days=30)
"""A pause after which a person has to say that the clock is right."""


class Clock(NamedTuple):
    """The time that ages are counted from, and what is doubtful about the clock, in words."""

    time: datetime
    pause: str | None


def judged(commits: Sequence[datetime], now: datetime, trust_clock: bool = False) -> Clock:
    """Return the clock's time, or after a pause that commits have not confirmed, its beginning.

    Counted from there nothing ages during the pause: if the lake rested, what is old goes a day
    later; if the clock jumped, nothing goes that should stay.

    Parameters
    ----------
    commits
        When the snapshots that are left were made.
    now
        What the clock says.
    trust_clock
        Whether somebody has said that it is right.

    Raises
    ------
    ClockJumpedError
        If the last commit is longer ago than `REFUSED`.

    Examples
    --------
    >>> from datetime import UTC
    >>> day = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(24)]
    >>> judged(day, datetime(2026, 3, 2, tzinfo=UTC)).time
    datetime.datetime(2026, 3, 2, 0, 0, tzinfo=datetime.timezone.utc)
    >>> judged(day, datetime(2026, 3, 12, tzinfo=UTC)).time
    datetime.datetime(2026, 3, 1, 23, 0, tzinfo=datetime.timezone.utc)
    """
    past = sorted(moment for moment in commits if moment <= now)
    ahead = [moment for moment in commits if moment > now + CONFIRMED]
    if trust_clock:
        return Clock(now, None)
    if past and now - past[-1] > REFUSED:
        raise ClockJumpedError(
            f"the clock says {now:%Y-%m-%d %H:%M} UTC and the newest commit is of "
            f"{past[-1]:%Y-%m-%d %H:%M}, {(now - past[-1]).days} days before: the clock jumped, or "
            "the lake rested. Nothing was dropped or changed",
            hint="set the clock right; if it is right, collect something and maintain the lake a "
            "day later, or say so now with --trust-clock",
        )
    for earlier, later in pairwise([*past, now]):
        if later - earlier > PAUSE and now - later < CONFIRMED:
            return Clock(
                earlier,
                f"nothing was committed for {(later - earlier).days} days until "
                f"{later:%Y-%m-%d %H:%M} UTC: the lake rested, or the clock jumped. Until a day "
                "of commits confirms the clock, ages are counted from before that",
            )
    if ahead:
        return Clock(
            now,
            f"{len(ahead)} snapshots are of the future, the last of {max(ahead):%Y-%m-%d %H:%M} "
            "UTC: the clock was ahead then, or is behind now. They are kept until they are old",
        )
    return Clock(now, None)
