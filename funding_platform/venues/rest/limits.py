"""Request budgets, and the limiter that keeps to them, for all that share a venue's state.

A venue counts weight per window; several counters may run side by side. It counts a request at
some moment between its being sent and its being answered. So a request weighs here from the one
until a window after the other: all that the venue can have counted within a window of any later
moment still weighs at that moment. Hence no window of that length ever holds more than the budget,
wherever the venue's own windows begin, and however uneven the network is.
"""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from funding_platform.venues.rest.retries import MAX_WAIT_SECONDS
from funding_platform.venues.rest.state.files import FileState
from funding_platform.venues.rest.state.store import Statements, StateStore

_LOG = logging.getLogger(__name__)

SLOTS: Final = 1_000
"""Moments that a window is told apart in. Bounds the state; costs a thousandth of the rate."""

_ROUNDING: Final = 1e-9

_ABSURD_WEIGHT: Final = 1e12
"""More than any budget, however it is scaled."""

_SKEW_SECONDS: Final = 60.0
"""How far the clock may have been set back since a pause was written."""

_SENSELESS: Final = "%s: %d entries of the budget %r make no sense; forgotten"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Budget:
    """So much weight within so many seconds, counted under one name.

    Endpoints that share a budget share its name.
    """

    name: str
    weight_per_window: float
    window_seconds: float


class Limiter:
    """Holds every request back until its budget allows it.

    Parameters
    ----------
    scale
        Multiplies every budget.
    state
        What is shared with other processes; by default nothing.
    longest_seconds
        The longest that a request is under way; one whose process was killed weighs until then.
    timer
        Seconds on a clock that all processes share; by default that of the state.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self,
        scale: float = 1.0,
        *,
        state: StateStore | None = None,
        longest_seconds: float = 15.0,
        timer: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._scale = scale
        self._state = state or FileState()
        self._longest_seconds = longest_seconds
        self._timer = timer or self._state.now
        self._sleep = sleep
        self._looked_through: set[str] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def spend(self, budget: Budget, weight: float) -> AsyncIterator[None]:
        """Wait until ``weight`` may be spent; the block is the request, and ends with its answer.

        First come, first served within a process; between processes, whoever wakes first.
        """
        async with self._turns[budget.name]:
            given_up_at = await self._enter(budget, weight)
        try:
            yield
        finally:
            self._in(budget, lambda ledger: ledger.settle(weight, given_up_at))

    def observe(self, budget: Budget, used: float) -> None:
        """Believe the venue where it counts more than we do: others may share our address."""
        self._in(budget, lambda ledger: ledger.raise_to(used))

    def pause(self, budget: Budget, seconds: float) -> None:
        """Start nothing more from ``budget`` for so many seconds, in any process."""
        self._in(budget, lambda ledger: ledger.pause(seconds))

    async def _enter(self, budget: Budget, weight: float) -> float:
        """Enter ``weight`` as soon as it fits; returns when its request will be given up."""
        while True:
            given_up_at = self._timer() + self._longest_seconds
            wait = self._in(budget, lambda ledger: ledger.enter(weight, given_up_at))  # noqa: B023
            if wait <= 0:
                return given_up_at
            await self._sleep(wait)

    def _in(self, budget: Budget, work: Callable[["_Ledger"], T]) -> T:
        """Do ``work`` on the ledger of a budget, in one transaction; return its result."""

        def in_transaction(database: Statements) -> T:
            ledger = _Ledger(database, budget, self._scale, self._timer())
            if budget.name not in self._looked_through:
                self._looked_through.add(budget.name)
                if forgotten := ledger.forget_senseless():
                    _LOG.warning(_SENSELESS, self._state.place, forgotten, budget.name)
            ledger.forget(self._longest_seconds)
            return work(ledger)

        return self._state.transact(in_transaction)


class _Ledger:
    """What was spent from one budget: weights by the last moment at which they may be counted.

    For a request under way that is the moment at which it will be given up; its answer moves it
    to the present.
    """

    def __init__(self, database: Statements, budget: Budget, scale: float, now: float) -> None:
        self._database = database
        self._name = budget.name
        self._limit = budget.weight_per_window * scale
        self._window = budget.window_seconds
        self._slot_seconds = budget.window_seconds / SLOTS
        self._now = now

    def forget(self, longest_seconds: float) -> None:
        """Drop what has left the window, and what only a clock set back can have put ahead."""
        past = (self._now - self._window) / self._slot_seconds
        future = self._slot(self._now + longest_seconds)
        self._database.execute(
            "DELETE FROM spent WHERE budget = ? AND (slot <= ? OR slot > ?)",
            (self._name, past, future),
        )

    def forget_senseless(self) -> int:
        """Drop what no version of ours can have written, or only at another clock; say how much."""
        spent = self._database.execute(
            "SELECT slot, weight FROM spent WHERE budget = ?", (self._name,)
        ).fetchall()
        slots = [slot for slot, weight in spent if not _can_have_been_spent(slot, weight)]
        for slot in slots:
            self._database.execute(
                "DELETE FROM spent WHERE budget = ? AND slot = ?", (self._name, slot)
            )
        if senseless_pause := not self._pause_makes_sense():
            self._database.execute("DELETE FROM pauses WHERE budget = ?", (self._name,))
        return len(slots) + senseless_pause

    def enter(self, weight: float, given_up_at: float) -> float:
        """Enter a request and return 0, or the seconds for which it does not fit at the least."""
        wait = self._pause_left() or self._seconds_until(weight)
        if wait <= 0:
            self._add(given_up_at, weight)
        return wait

    def settle(self, weight: float, given_up_at: float) -> None:
        """Move a request to the moment of its answer."""
        self._add(given_up_at, -weight)
        self._add(self._now, weight)

    def raise_to(self, used: float) -> None:
        """Take over a higher count; more than all of the budget cannot be spent."""
        used = min(used, self._limit)
        if used > (known := self._total()):
            self._add(self._now, used - known)

    def pause(self, seconds: float) -> None:
        """Let nothing be entered for so many seconds."""
        self._database.execute(
            "INSERT INTO pauses VALUES (?, ?) ON CONFLICT (budget) DO UPDATE SET until = "
            "CASE WHEN excluded.until > pauses.until THEN excluded.until ELSE pauses.until END",
            (self._name, self._now + seconds),
        )

    def _paused_until(self) -> Any:
        """Return until when the budget is paused, as it is stored; None where it is not."""
        paused = self._database.execute(
            "SELECT until FROM pauses WHERE budget = ?", (self._name,)
        ).fetchone()
        return paused[0] if paused else None

    def _pause_makes_sense(self) -> bool:
        until = self._paused_until()
        latest = self._now + MAX_WAIT_SECONDS + _SKEW_SECONDS
        return until is None or (isinstance(until, int | float) and until <= latest)

    def _pause_left(self) -> float:
        until = self._paused_until()
        return 0.0 if until is None else max(0.0, float(until) - self._now)

    def _seconds_until(self, weight: float) -> float:
        """Count seconds until the oldest entries left the window and ``weight`` fits, or all left.

        What is under way leaves a whole window after now at the earliest.
        """
        excess = self._total() + weight - self._limit
        wait = 0.0
        oldest_first = self._database.execute(
            "SELECT slot, weight FROM spent WHERE budget = ? AND weight > ? ORDER BY slot",
            (self._name, _ROUNDING),
        )
        for slot, held in oldest_first:
            if excess <= _ROUNDING:
                break
            excess -= held
            wait = self._window - max(0.0, self._now - slot * self._slot_seconds)
        return wait

    def _total(self) -> float:
        total = self._database.execute(
            "SELECT coalesce(sum(weight), 0) FROM spent WHERE budget = ?", (self._name,)
        ).fetchone()
        return float(total[0])

    def _add(self, moment: float, weight: float) -> None:
        """Enter a weight, in a slot no earlier than its moment."""
        self._database.execute(
            "INSERT INTO spent VALUES (?, ?, ?) "
            "ON CONFLICT (budget, slot) DO UPDATE SET weight = spent.weight + excluded.weight",
            (self._name, self._slot(moment), weight),
        )

    def _slot(self, moment: float) -> int:
        return math.ceil(moment / self._slot_seconds)


def _can_have_been_spent(slot: object, weight: object) -> bool:
    return (
        isinstance(slot, int)
        and isinstance(weight, int | float)
        and abs(weight) <= _ABSURD_WEIGHT  # not so of what is no number either
    )
