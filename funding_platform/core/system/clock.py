"""The time that work lives in; a test has one that runs faster."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Three views of one time.

    Parameters
    ----------
    timer
        Seconds that never go back, for ages and pauses: setting the machine's clock moves none.
    sleep
        Waits so many of them.
    now
        The present, in UTC, for stamps.
    """

    timer: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = utc_now
