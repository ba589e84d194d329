"""Running requests side by side: bounded, with errors that stay themselves, and an end to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar, overload

from funding_platform.venues.errors import (
    ContractError,
    TooLargeError,
    UnavailableError,
    VenueError,
)

OUTAGE_AFTER = 16
"""So many symbols in a row without an answer are an outage of the venue, not bad luck."""

BREACH_AFTER = 3
"""So many symbols in a row whose answer breaks the contract are the venue's doing, not theirs."""

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
Work: TypeAlias = Coroutine[Any, Any, T]
"""A call under way, for its result."""


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """Open a task group that raises the first failure itself, not a group around it."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


@overload
async def together(a: Work[A], b: Work[B], /) -> tuple[A, B]: ...
@overload
async def together(a: Work[A], b: Work[B], c: Work[C], /) -> tuple[A, B, C]: ...
@overload
async def together(a: Work[A], b: Work[B], c: Work[C], d: Work[D], /) -> tuple[A, B, C, D]: ...
@overload
async def together(
    a: Work[A], b: Work[B], c: Work[C], d: Work[D], e: Work[E], /
) -> tuple[A, B, C, D, E]: ...
async def together(*works: Work[Any]) -> tuple[Any, ...]:
    """Await calls side by side, and return their results.

    The first failure cancels what is under way and is raised.
    """
    async with task_group() as group:
        tasks = [group.create_task(work) for work in works]
    return tuple(task.result() for task in tasks)


async def for_each(
    items: Iterable[T], work: Callable[[T], Awaitable[None]], *, in_flight: int
) -> None:
    """Await ``work(item)`` for all items, at most ``in_flight`` at a time.

    The first failure cancels what is under way and is raised.
    """
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)

    async with task_group() as group:
        for _ in range(in_flight):
            group.create_task(worker())


class Outage:
    """Counts answers that did not come, in a row."""

    def __init__(self) -> None:
        self._in_a_row = 0

    @property
    def declared(self) -> bool:
        """Whether asking on is pointless."""
        return self._in_a_row >= OUTAGE_AFTER

    def count(self, error: VenueError) -> None:
        """Note a failure; one that is about the request itself says nothing of an outage."""
        if isinstance(error, UnavailableError):
            self._in_a_row += 1

    def over(self) -> None:
        """Note an answer."""
        self._in_a_row = 0


class Breach:
    """Counts answers about one symbol that break the contract, in a row."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def of_all(self, error: VenueError) -> bool:
        """Tell whether a failure concerns the whole venue, once it is noted."""
        if not isinstance(error, ContractError) or isinstance(error, TooLargeError):
            return error.stops_venue
        self._in_a_row += 1
        return self._in_a_row >= BREACH_AFTER

    def over(self) -> None:
        """Note an answer that keeps it."""
        self._in_a_row = 0
