"""The contract of a venue, and everything about collecting that is the same for all.

A venue file declares: its ``VenueSpec``, its endpoints with their payload structs, and three
methods that turn answers into records. Concurrency, paging, tolerance, units and tables are here;
rows by the hour, which a venue may have besides, are in ``candles``, order books in ``books``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import HOUR, MILLISECOND, Window, floor_hour, to_ms
from funding_platform.venues.books.venue import BookVenue
from funding_platform.venues.candles import HourlyVenue
from funding_platform.venues.errors import ContractError, EmptyAnswerError
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.paging.series import SETTLEMENTS
from funding_platform.venues.parsing.frames import instruments_frame, snapshots_frame
from funding_platform.venues.parsing.history import History, Reading, build_history
from funding_platform.venues.parsing.leniency import leaving_out, single_rows
from funding_platform.venues.parsing.plausibility import (
    drop_implausible,
    drop_implausible_listings,
    missing_columns,
)
from funding_platform.venues.parsing.records import MarketRow, Page, Settlement
from funding_platform.venues.reading import kept_since, read_pages
from funding_platform.venues.rest.recording import measured

T = TypeVar("T")


class Venue(HourlyVenue, BookVenue, ABC):
    """One venue's public market data.

    Parameters
    ----------
    http
        A client for this venue.
    clock
        The present, in UTC.
    """

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
        self._remembered.forget()
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
            fetched = self.named(await self.fetch_markets(), ("venue_symbol",))
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

        async def read(symbol: str) -> Reading[Settlement]:
            return await self._read_history(symbol, window, now)

        found = await self.read_each(symbols, SETTLEMENTS.subject, read, on_symbol)
        return build_history(
            self.spec.name, window, found.readings, found.failures, found.observed_at
        )

    async def _read_history(
        self, symbol: str, window: Window, now: datetime
    ) -> Reading[Settlement]:
        spec = self.spec
        if spec.pager is None:
            raise spec.not_offered(FUNDING_RATES)
        pager = spec.pager(
            spec.name, symbol, window, spec.page_size, now, SETTLEMENTS, spec.page_span
        )
        with leaving_out(f"{SETTLEMENTS.subject} of {symbol}") as lost:
            ended = await read_pages(pager, lambda ask: self.fetch_history(symbol, ask))
        since = kept_since(now, spec.history_depth)
        return Reading.of(pager, ended, window, since, lost.errors)

    def next_hour_ms(self) -> int:
        """Return the next full hour, when venues that settle hourly settle next."""
        return to_ms(floor_hour(self.now()) + HOUR)

    def _nonempty(self, rows: list[T], what: str) -> list[T]:
        if not rows:
            raise EmptyAnswerError("not a single perpetual", venue=self.spec.name, endpoint=what)
        return rows
