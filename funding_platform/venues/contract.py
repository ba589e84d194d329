"""The contract of a venue, and everything about collecting that is the same for all.

A venue file declares: its ``VenueSpec``, its endpoints with their payload structs, and three
methods that turn answers into records. Concurrency, paging, tolerance, units and tables are here.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.time_grid import HOUR, MILLISECOND, Window, floor_hour, to_ms
from funding_platform.venues.errors import (
    ContractError,
    EmptyAnswerError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.frames import instruments_frame, snapshots_frame
from funding_platform.venues.parsing.history import History, Reading, build_history
from funding_platform.venues.parsing.leniency import leaving_out, single_rows
from funding_platform.venues.parsing.plausibility import (
    drop_implausible,
    drop_implausible_listings,
    missing_columns,
    sifted_by_names,
)
from funding_platform.venues.parsing.records import Listing, MarketRow, OfSymbol, Page
from funding_platform.venues.rest.calls import Calls
from funding_platform.venues.rest.concurrency import Breach, Outage, for_each
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.recording import measured
from funding_platform.venues.specification import VenueSpec
from funding_platform.venues.unexpected import typed_failures

IN_FLIGHT = 8
"""Histories under way at a time: enough to hide latency, few enough to stop a ban early."""

LISTING_LIFETIME = timedelta(hours=1)

_NAMES = ("venue_symbol", "base", "quote", "settle")
"""Fields of a listing that name an instrument or an asset."""

T = TypeVar("T")
R = TypeVar("R", bound=OfSymbol)


class Venue(Calls, ABC):
    """One venue's public market data.

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
        self._listings: list[Listing] = []
        self._by_symbol: dict[str, Listing] = {}
        self._listed_until: datetime | None = None
        self._listing = asyncio.Lock()

    async def fetch_listings(self) -> list[Listing]:
        """List every perpetual that the venue has."""
        raise self.spec.not_offered(INSTRUMENTS)

    @abstractmethod
    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the market of every perpetual as it stands."""

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of a symbol's settled rates."""
        raise self.spec.not_offered(FUNDING_RATES)

    async def instruments(self) -> pl.DataFrame:
        """Fetch what the venue lists: rows of ``core.instruments``.

        Listings that cannot be are null; ``warnings`` names them.

        Raises
        ------
        VenueError
            If the venue does not answer, answers with nothing, or with impossible listings.
        """
        self._listed_until = None
        with measured() as span, self._http.memory.question():
            listings = self._nonempty(await self.listings(), "instruments")
        if new := [row for row in listings if row.status not in self.spec.statuses]:
            named = ", ".join(f"{row.venue_symbol} {row.status!r}" for row in new[:5])
            unknown = f"{len(new)} unknown statuses: {named}"
            self.warnings.append(ContractError(unknown, venue=self.spec.name))
        seen_at = span.observed_at or self._clock()
        with leaving_out() as lost:
            frame = instruments_frame(self.spec.name, listings, self.spec.statuses, seen_at)
        self.warnings.extend(lost.errors)
        frame, problems = drop_implausible_listings(self.spec.name, frame)
        self.warnings.extend(problems)
        return frame

    async def market_snapshot(self) -> pl.DataFrame:
        """Fetch the market as it stands: rows of ``core.market_snapshots``.

        Columns whose endpoint fails are null, and so are values that cannot be; ``warnings`` says
        why.

        Raises
        ------
        VenueError
            If the venue refuses us, does not give its funding rates, or gives impossible ones.
        """
        started, told = self._clock(), len(self.warnings)
        with measured() as span, self._http.memory.question(), leaving_out() as lost:
            fetched = self._named(await self.fetch_markets(), ("venue_symbol",))
            by_symbol = single_rows(fetched, venue=self.spec.name, endpoint="market snapshot")
            markets = self._nonempty([*by_symbol.values()], "market snapshot")
        observed_at = span.observed_at or self._clock()
        latency = max(timedelta(0), observed_at - (span.sent_at or started))
        with leaving_out() as unsound:
            frame = snapshots_frame(self.spec.name, markets, observed_at, latency / MILLISECOND)
        if len(self.warnings) == told:  # else the failure of a call explains what is absent
            self.warnings.extend(missing_columns(self.spec.name, frame, self.spec.never_stated))
        self.warnings.extend([*lost.errors, *unsound.errors])
        frame, problems = drop_implausible(self.spec.name, frame)
        self.warnings.extend(problems)
        return frame

    async def funding_rates(
        self, symbols: Iterable[str], start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Fetch rates settled from ``start`` on and before ``end``: ``core.funding_rates``.

        Raises
        ------
        VenueError
            If any symbol fails.
        """
        history = await self.funding_history(symbols, Window(start, end))
        for failure in history.failures.values():
            raise failure
        return history.frame

    async def funding_history(
        self,
        symbols: Iterable[str],
        window: Window,
        *,
        on_symbol: Callable[[str], None] = lambda symbol: None,
    ) -> History:
        """Fetch the settled rates of many symbols, where one that fails costs only itself.

        Parameters
        ----------
        symbols
            The venue's own symbols.
        window
            From when to when; the end is excluded.
        on_symbol
            Called with each symbol when it is done or has failed.

        Raises
        ------
        VenueError
            If the failure concerns the whole venue: a ban, an outage, a contract that is broken
            for symbol after symbol.
        """
        now = self._clock()
        readings: dict[str, Reading] = {}
        failures: dict[str, VenueError] = {}
        outage, breach = Outage(), Breach()

        async def read(symbol: str) -> None:
            try:
                where = f"funding history of {symbol}"
                with typed_failures(self.spec.name, where), self._http.memory.question():
                    readings[symbol] = await self._read_history(symbol, window, now)
                outage.over()
                breach.over()
            except VenueError as error:
                outage.count(error)
                if breach.of_all(error) or outage.declared:
                    raise
                failures[symbol] = error
            on_symbol(symbol)

        wanted = list(dict.fromkeys(symbols))
        with measured() as span:
            await for_each(wanted, read, in_flight=IN_FLIGHT)
        in_order = {symbol: readings[symbol] for symbol in wanted if symbol in readings}
        observed_at = span.observed_at or self._clock()
        return build_history(self.spec.name, window, in_order, failures, observed_at)

    async def _read_history(self, symbol: str, window: Window, now: datetime) -> Reading:
        spec = self.spec
        if spec.pager is None:
            raise spec.not_offered(FUNDING_RATES)
        pager = spec.pager(spec.name, symbol, window, spec.page_size, now, spec.page_span)
        with leaving_out(f"funding history of {symbol}") as lost:
            while pager.ended is None:
                pager.learn(await self.fetch_history(symbol, pager.ask()))
        kept_since = None if spec.history_depth is None else now - spec.history_depth
        return Reading.of(pager, pager.ended, window, kept_since, lost.errors)

    async def listings(self) -> list[Listing]:
        """Fetch what the venue lists, at most once an hour."""
        async with self._listing:
            now = self._clock()
            if self._listed_until is None or now >= self._listed_until:
                with leaving_out() as lost:  # of the list, whoever needs it first
                    rows = self._named(await self.fetch_listings(), _NAMES)
                    self._by_symbol = single_rows(rows, venue=self.spec.name, endpoint="listings")
                self.warnings.extend(lost.errors)
                self._listings = list(self._by_symbol.values())
                self._listed_until = now + LISTING_LIFETIME
            return self._listings

    async def listed(self) -> Mapping[str, Listing]:
        """Return what ``listings`` does, by symbol."""
        await self.listings()
        return self._by_symbol

    async def venue_id(self, symbol: str) -> str:
        """Return what the venue's calls name a symbol by, where that is not the symbol itself.

        Raises
        ------
        UnknownSymbolError
            If the venue does not list it.
        """
        listing = (await self.listed()).get(symbol)
        if listing is None or listing.venue_id is None:
            raise UnknownSymbolError(f"does not list {symbol}", venue=self.spec.name)
        return listing.venue_id

    def now(self) -> datetime:
        """Tell the present, in UTC."""
        return self._clock()

    def next_hour_ms(self) -> int:
        """Return the next full hour, when venues that settle hourly settle next."""
        return to_ms(floor_hour(self.now()) + HOUR)

    def _named(self, rows: list[R], names: Sequence[str]) -> list[R]:
        """Keep the rows whose names may be names; the others, if they are few, become a warning."""
        kept, refused = sifted_by_names(rows, names, self.spec.name)
        if refused is not None:
            self.warnings.append(refused)
        return kept

    def _nonempty(self, rows: list[T], what: str) -> list[T]:
        if not rows:
            raise EmptyAnswerError("not a single perpetual", venue=self.spec.name, endpoint=what)
        return rows
