"""The UTC time grid: months, hours and half-open windows.

A window includes its start and excludes its end, everywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from funding_platform.core.units import TENOR_HOURS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)
HOUR_US = HOUR // MICROSECOND
HOUR_MS = HOUR // MILLISECOND
DAY_MS = 24 * HOUR_MS

TENOR = TENOR_HOURS * HOUR

LATENESS = HOUR / 2
"""How late a settlement may be stamped, or appear: it counts for its nearest hour. One that is due
is absent only after that."""

SKEW = timedelta(minutes=5)
"""How far two clocks may be apart that are both taken to be right."""

FIRST_PERPETUAL = datetime(2016, 5, 1, tzinfo=UTC)
"""The month in which BitMEX listed the first one: no settlement, listing or fee is older."""


def to_ms(moment: datetime) -> int:
    """Count milliseconds since the epoch, exact (``datetime.timestamp`` goes through a float)."""
    return (moment - EPOCH) // MILLISECOND


def to_us(moment: datetime) -> int:
    """Count microseconds since the epoch, exact: what ``Datetime("us")`` holds."""
    return (moment - EPOCH) // MICROSECOND


def from_ms(milliseconds: int) -> datetime:
    """Return the UTC instant of a millisecond stamp."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def from_us(microseconds: int) -> datetime:
    """Return the UTC instant of a microsecond stamp."""
    return EPOCH + timedelta(microseconds=microseconds)


def floor_hour(moment: datetime) -> datetime:
    """Return the full hour at or before ``moment``."""
    return moment.replace(minute=0, second=0, microsecond=0)


def hour_after(time_ms: int) -> int:
    """Return the first full hour after a millisecond stamp, in milliseconds."""
    return (time_ms // HOUR_MS + 1) * HOUR_MS


def month_start(moment: datetime) -> datetime:
    """Return midnight UTC of the first day of ``moment``'s month."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(moment: datetime) -> datetime:
    """Return midnight UTC of the first day of the month after ``moment``'s."""
    return month_start(month_start(moment) + timedelta(days=32))


def parse_month(text: str) -> datetime:
    """Read ``2025-03`` or ``2025-03-01`` as the first instant of that month.

    Raises
    ------
    ValueError
        If the text is not a month.
    """
    for form in ("%Y-%m", "%Y-%m-%d"):
        try:
            return month_start(datetime.strptime(text, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a month; write YYYY-MM, e.g. 2025-03")


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 time: ``2025-03-01``, ``2025-03-01T08:00+09:00``; no zone means UTC.

    Raises
    ------
    ValueError
        If the text is not such a time, or not one of the calendar in UTC.
    """
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time; write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, which is UTC, "
            "or add a zone such as +09:00"
        ) from None


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open span of time ``[start, end)``, in UTC.

    Raises
    ------
    ValueError
        If a bound has no zone, or the end comes before the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment.tzinfo is None:
                raise ValueError(f"the window's {name} {moment} has no time zone; use UTC")
        if self.end < self.start:
            raise ValueError(f"the window ends ({self.end}) before it starts ({self.start})")

    @classmethod
    def of_month(cls, month: datetime) -> Self:
        """Return the month that ``month`` lies in."""
        return cls(month_start(month), next_month(month))

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def months(self) -> Iterator["Window"]:
        """Yield the calendar months that the window touches, each whole, in order."""
        month = month_start(self.start)
        while month < self.end:
            yield Window.of_month(month)
            month = next_month(month)

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%d %H:%M}, {self.end:%Y-%m-%d %H:%M}) UTC"
