"""When the history of the running month is refreshed, and the month before it."""

from datetime import datetime, timedelta
from typing import Final

from funding_platform.core.time_grid import month_start

REFRESHES: Final = tuple(timedelta(hours=hour, minutes=20) for hour in (0, 8, 16))
"""How long into the day: what settled at 00, 08 and 16 UTC can be asked for a few minutes later."""

LATE_CORRECTIONS: Final = timedelta(days=2)
"""How long after its end a month is still refreshed."""


def latest_refresh(now: datetime) -> datetime:
    """Return the last instant at which history was to be refreshed."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    instants = [day + after for day in (today - timedelta(days=1), today) for after in REFRESHES]
    return max(instant for instant in instants if instant <= now)


def months_to_refresh(now: datetime) -> list[datetime]:
    """Return the running month and, early in it, the one before."""
    return sorted({month_start(now - LATE_CORRECTIONS), month_start(now)})
