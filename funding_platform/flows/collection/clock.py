"""Is our own clock right? Asked of the venues before anything is stored under its time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from funding_platform.core.time_grid import SKEW
from funding_platform.flows.errors import ClockError

DAY: Final = timedelta(days=1)

ONE_WITNESS: Final = timedelta(hours=15)
"""No time zone is as far off, and no venue's clock that is right in anything else: where ours is
off by more, by a date that was mistyped say, one venue is witness enough."""


def require_right_clock(ahead: Mapping[str, timedelta | None]) -> None:
    """Refuse to go on where the venues agree that it is another time.

    Parameters
    ----------
    ahead
        By venue, how far our clock was ahead of its; None for one that did not say.

    Raises
    ------
    ClockError
        If our clock is over five minutes off by most of the venues, two at least, or over fifteen
        hours by the only one that says.
    """
    told = {venue: offset for venue, offset in ahead.items() if offset is not None}
    limit = ONE_WITNESS if len(told) == 1 else SKEW
    off = {venue: offset for venue, offset in told.items() if abs(offset) > limit}
    if 2 * len(off) <= len(told):
        return
    typical = sorted(off.values())[len(off) // 2]
    direction = "ahead of" if typical > timedelta(0) else "behind"
    raise ClockError(
        f"this machine's clock is {_length(abs(typical))} {direction} the clocks of "
        f"{', '.join(sorted(off))}; nothing was stored",
        hint="set the clock (NTP: `timedatectl set-ntp true`), then collect again",
    )


def _length(span: timedelta) -> str:
    days, minutes = span // DAY, span // timedelta(minutes=1)
    return f"{days} days" if days > 1 else f"{minutes} minutes"
