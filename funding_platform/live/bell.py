"""Waiting for a time or for a call, whichever comes first."""

import asyncio

from funding_platform.core.system.clock import Clock


class Bell:
    """Wakes who waits; rung while nobody does, it wakes whoever waits next, once.

    Parameters
    ----------
    clock
        For how long is waited.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake."""
        self._rung.set()

    async def wait(self, seconds: float | None) -> None:
        """Wait until it rings, for so many seconds at most; None waits for as long as it takes."""
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._rung.wait())]
        if seconds is not None:
            waits.append(asyncio.create_task(self._slept(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._rung.clear()

    async def _slept(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
