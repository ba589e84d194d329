"""Waiting for what comes about, however slow the machine is."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE_SECONDS: Final = 250.0
"""Only a failure takes so long."""

T = TypeVar("T")


def until(
    found: Callable[[], T | None],
    what: str,
    seconds: float = PATIENCE_SECONDS,
    *,
    pause: float = 0.05,
) -> T:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(pause)
    return answer
