"""The answer to one request for a book as a table, for people and for checks from outside."""

from datetime import UTC, datetime
from typing import Final

import httpx
import polars as pl

from funding_platform.core.tables.books.levels import ORDER_BOOK
from funding_platform.venues.books.frames import book_frame
from funding_platform.venues.books.venue import checked_book
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.registry import venue_class
from funding_platform.venues.rest.answers import decoded, raise_for_refusal
from funding_platform.venues.unexpected import typed_failures

_NOWHERE: Final = "http://recorded.invalid"


def parse_order_book(
    venue: str,
    body: str | bytes,
    listing: Listing,
    *,
    depth: int | None = None,
    status: int = 200,
    observed_at: datetime | None = None,
) -> pl.DataFrame:
    """Read the answer to a request for one book as the venue's adapter does.

    Parameters
    ----------
    venue
        Name of the venue.
    body, status
        The answer as it came.
    listing
        What the venue lists of the perpetual that was asked for.
    depth
        Levels per side at most; by default all.
    observed_at
        When it came; by default now.

    Returns
    -------
    polars.DataFrame
        Rows of ``core.order_book``, best first.

    Raises
    ------
    NotOfferedError
        If the venue has no public book, or is behind a bridge, which has no bodies of its own.
    VenueError
        If the answer refuses the request, is not what the venue's contract says, or cannot be a
        book.
    """
    kind = venue_class(venue)
    if kind.book_call is None or kind.spec.books is None:
        raise kind.spec.not_offered(ORDER_BOOK)
    raw = body.encode() if isinstance(body, str) else body
    endpoint, _ = kind.book_call.ask(listing, kind.spec.books.fit(depth or kind.spec.books.usual))
    with typed_failures(venue, endpoint.path):
        answer = httpx.Response(status, request=httpx.Request(endpoint.method, _NOWHERE))
        raise_for_refusal(venue, answer, raw, kind.spec.refusal)
        book = kind.book_call.read(decoded(endpoint, raw, venue, endpoint.path), listing)
        checked = checked_book(book, listing, venue)
    return book_frame(venue, checked, listing, observed_at or datetime.now(UTC), depth)
