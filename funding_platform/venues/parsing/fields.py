"""What a field on the wire may hold: numbers, times and texts that are what they claim to be.

The strictest type that a venue's answers satisfy is the right one: msgspec checks each field while
it decodes, so that a missing, renamed, null or mistyped one fails with its path.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from funding_platform.core.time_grid import FIRST_PERPETUAL, to_ms

_FINITE = Meta(ge=-1e300, le=1e300)
"""Rejects what a decimal string may also spell: ``NaN`` and ``Infinity``."""

Real: TypeAlias = Annotated[float, _FINITE]
"""A finite number, as a JSON number or a decimal string; never absent."""

Positive: TypeAlias = Annotated[float, Meta(gt=0, le=1e300)]
"""A finite number above zero, which can be divided by."""

RealOrBlank: TypeAlias = Annotated[float, _FINITE] | Literal[""]
"""A number that the venue replaces by an empty string where it has none."""

MaybeReal: TypeAlias = Annotated[float, _FINITE] | Literal[""] | None
"""A number that the venue may leave out, as null or as an empty string."""

Whole: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""A whole number, such as a length of time, that a float holds exactly."""

Decimals: TypeAlias = Annotated[int, Meta(ge=0, le=30)]
"""How many decimals a price or a size has; ``step`` is what they stand for."""

LATEST_MS = 4_102_444_800_000
"""2100-01-01. A stamp beyond it is no time, and far enough beyond it fits into no datetime."""

Time: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS)]
"""A moment in milliseconds, or seconds, since the epoch; some venues write 0 for never."""

Seconds: TypeAlias = Annotated[int, Meta(ge=to_ms(FIRST_PERPETUAL) // 1000, le=LATEST_MS // 1000)]
"""A moment in seconds since the epoch, in the time of perpetuals: no stamp of another unit fits."""

TimeOrBlank: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS)] | Literal[""]
"""A moment that the venue replaces by an empty string where it has none."""

MaybeTime: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS)] | Literal[""] | None
"""A moment that the venue may leave out."""

NS_PER_MS: Final = 1_000_000

Nanoseconds: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS * NS_PER_MS)]
"""A moment in nanoseconds since the epoch."""

US_PER_MS: Final = 1_000

Microseconds: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS * US_PER_MS)]
"""A moment in microseconds since the epoch."""

ZonelessTime: TypeAlias = Annotated[datetime, Meta(tz=False)]
"""A moment as text that is UTC without saying so; one that names a zone is refused."""

Percent: TypeAlias = Annotated[str, Meta(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,40})?\Z")]
"""A percentage as decimal text; ``fraction`` converts it."""

UnsignedPercent: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,40})?\Z")]
"""The same where the sign is told apart, so that one within the text would count twice."""
