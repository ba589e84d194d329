"""What a venue lists, remembered for an hour."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

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


class Listed(Reader):
    """Knows what the venue lists."""

    def __init__(self, http: HttpClient, clock: Callable[[], datetime]) -> None:
        super().__init__(http, clock)
        self._listings: list[Listing] = []
        self._by_symbol: dict[str, Listing] = {}
        self._listed_until: datetime | None = None
        self._listing = asyncio.Lock()

    async def fetch_listings(self) -> list[Listing]:
        """List every perpetual that the venue has."""
        raise self.spec.not_offered(INSTRUMENTS)

    async def listings(self) -> list[Listing]:
        """Fetch what the venue lists, at most once an hour."""
        async with self._listing:
            now = self._clock()
            if self._listed_until is None or now >= self._listed_until:
                with leaving_out() as lost:  # of the list, whoever needs it first
                    rows = self.named(await self.fetch_listings(), _NAMES)
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

    def named(self, rows: list[R], names: Sequence[str]) -> list[R]:
        """The rows whose names may be names; the others, if they are few, become a warning."""
        kept, refused = sifted_by_names(rows, names, self.spec.name)
        if refused is not None:
            self.warnings.append(refused)
        return kept
