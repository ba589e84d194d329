"""What reading rows of many symbols has in common: one that fails costs only itself."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from funding_platform.venues.errors import VenueError
from funding_platform.venues.paging.pager import Ask, Ended, Pager
from funding_platform.venues.parsing.records import PageOf
from funding_platform.venues.rest.calls import Calls
from funding_platform.venues.rest.concurrency import Breach, Outage, for_each
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.recording import measured
from funding_platform.venues.specification import VenueSpec
from funding_platform.venues.unexpected import typed_failures

IN_FLIGHT = 8
"""Histories under way at a time: enough to hide latency, few enough to stop a ban early."""

T = TypeVar("T")
Said = Callable[[str], None]
"""Is told each symbol when it is done or has failed."""


class Read(NamedTuple, Generic[T]):
    """What was read, by symbol in the order asked for, why others failed, and when it was seen."""

    readings: dict[str, T]
    failures: dict[str, VenueError]
    observed_at: datetime


class Reader(Calls):
    """Asks a venue for rows through time.

    Parameters
    ----------
    http
        A client for this venue.
    clock
        The present, in UTC.
    """

    spec: ClassVar[VenueSpec]

    def __init__(self, http: HttpClient, clock: Callable[[], datetime]) -> None:
        super().__init__(self.spec.name, http)
        self._clock = clock

    def now(self) -> datetime:
        """Tell the present, in UTC."""
        return self._clock()

    async def read_each(
        self, symbols: Iterable[str], what: str, read: Callable[[str], Awaitable[T]], told: Said
    ) -> Read[T]:
        """Read many symbols, several at a time.

        Parameters
        ----------
        symbols
            The venue's own symbols.
        what
            What is read of each, for errors.
        read
            Reads one.
        told
            Called with each symbol when it is done or has failed.

        Raises
        ------
        VenueError
            If the failure concerns the whole venue: a ban, an outage, a contract that is broken
            for symbol after symbol.
        """
        readings: dict[str, T] = {}
        failures: dict[str, VenueError] = {}
        outage, breach = Outage(), Breach()

        async def one(symbol: str) -> None:
            try:
                where = f"{what} of {symbol}"
                with typed_failures(self.spec.name, where), self._http.memory.question():
                    readings[symbol] = await read(symbol)
                outage.over()
                breach.over()
            except VenueError as error:
                outage.count(error)
                if breach.of_all(error) or outage.declared:
                    raise
                failures[symbol] = error
            told(symbol)

        wanted = list(dict.fromkeys(symbols))
        with measured() as span:
            await for_each(wanted, one, in_flight=IN_FLIGHT)
        in_order = {symbol: readings[symbol] for symbol in wanted if symbol in readings}
        return Read(in_order, failures, span.observed_at or self._clock())


async def read_pages(pager: Pager[Any], fetch: Callable[[Ask], Awaitable[PageOf[Any]]]) -> Ended:
    """Ask page after page until the pager knows that there is no more, and why."""
    while pager.ended is None:
        pager.learn(await fetch(pager.ask()))
    return pager.ended


def kept_since(now: datetime, depth: timedelta | None) -> datetime | None:
    """Return since when a venue still has everything; None if it keeps all."""
    return None if depth is None else now - depth
