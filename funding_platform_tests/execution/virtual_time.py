"""An event loop in which nobody waits: when all are asleep, it is at once the time of the next."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from funding_platform.core.system.clock import Clock

T = TypeVar("T")

START = datetime(2026, 3, 1, tzinfo=UTC)


class VirtualTime:
    """A time that outlives loops, so that a process can crash and another go on."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self.seconds = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds)

    def clock(self) -> Clock:
        return Clock(timer=lambda: self.seconds, sleep=asyncio.sleep, now=self.now)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end; what then still runs dies with the loop, as a process would."""
        loop = _Loop(self)
        try:
            return loop.run_until_complete(work)
        finally:
            loop.run_until_complete(_end(asyncio.all_tasks(loop)))
            loop.close()


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._of = time

    def time(self) -> float:
        return self._of.seconds

    def _run_once(self) -> None:
        asleep = [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        if asleep and not self._ready:  # type: ignore[attr-defined]
            self._of.seconds = max(self._of.seconds, min(asleep).when())
        super()._run_once()  # type: ignore[misc]
