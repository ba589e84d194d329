"""Request budgets, and the limiter that keeps to them.

A venue counts weight per window; several counters may run side by side. The limiter never lets
more than the budget start within any window of that length, wherever the venue's own windows
begin. The client needs three things of it (``acquire``, ``observe``, ``pause``), so a limiter
that several processes share can take its place.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_TRANSIT_SECONDS = 0.1
"""Requests sent a window apart may arrive closer together by the jitter of the network."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So much weight within so many seconds, counted under one name.

    Endpoints that share a budget share its name.
    """

    name: str
    weight_per_window: float
    window_seconds: float


class _Ledger:
    """What was spent from one budget within the last window."""

    def __init__(self, limit: float, window: float) -> None:
        self._limit = limit
        self._window = window
        self._spent = 0.0
        self._entries: deque[tuple[float, float]] = deque()
        self._free_at = 0.0
        self.paused_until = 0.0

    def reserve(self, weight: float, now: float) -> float:
        """The earliest moment at which ``weight`` may be spent; spends it there."""
        start = max(now, self._free_at, self.paused_until)
        while self._entries and self._spent + weight > self._limit:
            start = max(start, self._drop_oldest() + self._window)
        self._append(start, weight)
        return start

    def raise_to(self, used: float, now: float) -> None:
        """Take over a higher count that the venue reports."""
        while self._entries and self._entries[0][0] + self._window <= now:
            self._drop_oldest()
        if used > self._spent:
            self._append(max(now, self._free_at), used - self._spent)

    def _append(self, moment: float, weight: float) -> None:
        self._entries.append((moment, weight))
        self._spent += weight
        self._free_at = moment

    def _drop_oldest(self) -> float:
        moment, weight = self._entries.popleft()
        self._spent -= weight
        return moment


class Limiter:
    """Holds every request back until its budget allows it.

    Parameters
    ----------
    scale
        Multiplies every budget.
    timer
        Seconds on a clock that never goes back.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self,
        scale: float = 1.0,
        *,
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._scale = scale
        self._timer = timer
        self._sleep = sleep
        self._ledgers: dict[str, _Ledger] = {}

    async def acquire(self, budget: Budget, weight: float) -> None:
        """Return when ``weight`` may be spent from ``budget``, first come, first served."""
        ledger = self._ledger(budget)
        start = ledger.reserve(weight, self._timer())
        # A pause may begin while this one sleeps.
        while (wait := max(start, ledger.paused_until) - self._timer()) > 0:
            await self._sleep(wait)

    def observe(self, budget: Budget, used: float) -> None:
        """Believe the venue where it counts more than we do: others may share our address."""
        self._ledger(budget).raise_to(used, self._timer())

    def pause(self, budget: Budget, seconds: float) -> None:
        """Start nothing more from ``budget`` for so many seconds."""
        ledger = self._ledger(budget)
        ledger.paused_until = max(ledger.paused_until, self._timer() + seconds)

    def _ledger(self, budget: Budget) -> _Ledger:
        if budget.name not in self._ledgers:
            self._ledgers[budget.name] = _Ledger(
                budget.weight_per_window * self._scale, budget.window_seconds + _TRANSIT_SECONDS
            )
        return self._ledgers[budget.name]
