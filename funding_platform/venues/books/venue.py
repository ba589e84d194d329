"""Order books of a venue: one request each, where one that fails costs only itself."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import polars as pl

from funding_platform.core.tables.books.levels import ORDER_BOOK
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.venues.books.frames import book_frame
from funding_platform.venues.books.records import Book, BookCall
from funding_platform.venues.books.sound import sound_book
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.errors import (
    ContractError,
    RequestError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.listed import Listed
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.reading import Said
from funding_platform.venues.rest.recording import measured


class OrderBooks(NamedTuple):
    """Books of many symbols, and why others have none.

    Parameters
    ----------
    frame
        Rows of ``core.order_book``. A book in which nothing rests has none.
    observed_at
        When each book that came was complete, by symbol; empty ones are among them.
    failures
        Why the others did not come.
    """

    frame: pl.DataFrame
    observed_at: dict[str, datetime]
    failures: dict[str, VenueError]


class _Seen(NamedTuple):
    frame: pl.DataFrame
    observed_at: datetime


def _nothing(symbol: str) -> None:
    """Tell nobody."""


class BookVenue(Listed):
    """Reads a venue's order books."""

    book_call: ClassVar[BookCall[Any] | None] = None

    async def fetch_book(self, listing: Listing, depth: int) -> Book:
        """Fetch one book, ``depth`` being one that the venue grants."""
        if self.book_call is None:
            raise self.spec.not_offered(ORDER_BOOK)
        endpoint, params = self.book_call.ask(listing, depth)
        return self.book_call.read(await self.fetch(endpoint, params), listing)

    async def order_book(self, symbols: Iterable[str], depth: int | None = None) -> pl.DataFrame:
        """Fetch the order books of symbols as they stand: ``core.order_book``.

        Parameters
        ----------
        symbols
            The venue's own symbols.
        depth
            Levels per side at most; by default what is usual for the venue. It may have fewer: the
            whole book, or all that it hands out.

        Raises
        ------
        NotOfferedError
            If the venue has no public book.
        VenueError
            If any symbol fails; ``ImpossibleBookError`` of a book that cannot be.
        """
        books = await self.order_books(symbols, depth)
        for failure in books.failures.values():
            raise failure
        return books.frame

    async def order_books(
        self, symbols: Iterable[str], depth: int | None = None, *, on_symbol: Said = _nothing
    ) -> OrderBooks:
        """Fetch the books of many symbols, where one that fails costs only itself.

        Raises
        ------
        NotOfferedError
            If the venue has no public book.
        VenueError
            If the failure concerns the whole venue.
        """
        if (spec := self.spec.books) is None:
            raise self.spec.not_offered(ORDER_BOOK)
        if depth is not None and depth < 1:
            raise RequestError(f"a book has at least 1 level, not {depth}", venue=self.spec.name)
        listed = await self.listed()

        async def read(symbol: str) -> _Seen:
            if (listing := listed.get(symbol)) is None:
                raise UnknownSymbolError(f"does not list {symbol}", venue=self.spec.name)
            return await self._one(spec, listing, depth)

        found = await self.read_each(symbols, "order book", read, on_symbol)
        frames = [seen.frame for seen in found.readings.values()]
        frame = pl.concat(frames) if frames else ORDER_BOOK.empty()
        times = {symbol: seen.observed_at for symbol, seen in found.readings.items()}
        return OrderBooks(frame.sort(INSTRUMENT_KEY, maintain_order=True), times, found.failures)

    async def _one(self, spec: BookSpec, listing: Listing, depth: int | None) -> _Seen:
        with measured() as span:
            book = await self.fetch_book(listing, spec.fit(depth or spec.usual))
        observed_at = span.observed_at or self._clock()
        checked = checked_book(book, listing, self.spec.name)
        frame = book_frame(self.spec.name, checked, listing, observed_at, depth)
        return _Seen(frame, observed_at)


def checked_book(book: Book, listing: Listing, venue: str) -> Book:
    """Return the book in order, where it can be one and is of the perpetual asked for.

    Raises
    ------
    ContractError
        If it is of another.
    ImpossibleBookError
        If it cannot be a book.
    """
    if book.venue_symbol != listing.venue_symbol:
        told = f"asked for the book of {listing.venue_symbol}, got {book.venue_symbol}"
        raise ContractError(told, venue=venue)
    return sound_book(book, venue)
