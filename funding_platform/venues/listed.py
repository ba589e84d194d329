"""What a venue lists, remembered for an hour."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.parsing.leniency import leaving_out, single_rows
from funding_platform.venues.parsing.plausibility import sifted_by_names
from funding_platform.venues.parsing.records import Listing, OfSymbol
from funding_platform.venues.reading import Reader
from funding_platform.venues.rest.http import HttpClient

LISTING_LIFETIME = timedelta(hours=1)

_NAMES = ("venue_symbol", "base", "quote", "settle")
"""Fields of a listing that name an instrument or an asset."""

R = TypeVar("R", bound=OfSymbol)
T = TypeVar("T")


class Remembered(Generic[T]):
    """An answer that is asked for at most once an hour."""

    def __init__(self) -> None:
        self._answer: T | None = None
        self._until: datetime | None = None
        self._asking = asyncio.Lock()

    async def get(self, now: datetime, fetch: Callable[[], Awaitable[T]]) -> T:
        """Return the answer, asked for anew where it is older than that."""
        async with self._asking:
            if self._answer is None or self._until is None or now >= self._until:
                self._answer, self._until = await fetch(), now + LISTING_LIFETIME
            return self._answer

    def forget(self) -> None:
        """Ask anew the next time."""
        self._until = None


class Listed(Reader):
    """Knows what the venue lists."""

    def __init__(self, http: HttpClient, clock: Callable[[], datetime]) -> None:
        super().__init__(http, clock)
        self._remembered: Remembered[dict[str, Listing]] = Remembered()

    async def fetch_listings(self) -> list[Listing]:
        """List every perpetual that the venue has."""
        raise self.spec.not_offered(INSTRUMENTS)

    async def listings(self) -> list[Listing]:
        """Fetch what the venue lists, at most once an hour."""
        return list((await self.listed()).values())

    async def listed(self) -> Mapping[str, Listing]:
        """Return what ``listings`` does, by symbol."""
        return await self._remembered.get(self._clock(), self._ask_listings)

    async def _ask_listings(self) -> dict[str, Listing]:
        return await self.by_symbol(self.fetch_listings, _NAMES, "listings")

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

    def named(self, rows: list[R], names: Sequence[str]) -> list[R]:
        """Keep the rows whose names may be names; the others, if few, become a warning."""
        kept, refused = sifted_by_names(rows, names, self.spec.name)
        if refused is not None:
            self.warnings.append(refused)
        return kept

    async def by_symbol(
        self, fetch: Callable[[], Awaitable[list[R]]], names: Sequence[str], what: str
    ) -> dict[str, R]:
        """Fetch what is listed, by symbol; rows that are no good, if few, become warnings."""
        with leaving_out() as lost:  # of the list, whoever needs it first
            rows = self.named(await fetch(), names)
            found = single_rows(rows, venue=self.spec.name, endpoint=what)
        self.warnings.extend(lost.errors)
        return found
