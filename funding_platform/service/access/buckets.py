"""How fast a key may ask: a bucket of tokens that fills again as time goes by."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from funding_platform.service.access.keys import Rate


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking a token.

    Parameters
    ----------
    allowed
        Whether there was one.
    limit, remaining
        Tokens that the bucket holds, and those left in it.
    reset_seconds
        Until it is full again, or, where none was left, until there is one.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that say so."""
        told = [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_seconds),
        ]
        return told if self.allowed else [*told, (b"retry-after", b"%d" % self.reset_seconds)]


class Buckets:
    """A bucket per key.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str, rate: Rate) -> Taken:
        """Take a token from the bucket of a key, if there is one."""
        now, per_second = self._clock(), rate.requests / rate.seconds
        held, at = self._buckets.get(name, (float(rate.requests), now))
        held = min(float(rate.requests), held + (now - at) * per_second)
        allowed = held >= 1 - ROUNDING
        held = max(0.0, held - 1) if allowed else held
        self._buckets[name] = (held, now)
        wait = (rate.requests - held if allowed else 1 - held) / per_second
        return Taken(allowed, rate.requests, int(held + ROUNDING), math.ceil(wait))


ROUNDING: Final = 1e-9
