"""A time that passes only while somebody sleeps."""

from datetime import datetime, timedelta

from funding_platform.core.system.clock import Clock


class SteppedTime:
    """Sleeping is over at once, and moves the clock by as much."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self.seconds = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(timer=lambda: self.seconds, sleep=self.sleep, now=self.now)
