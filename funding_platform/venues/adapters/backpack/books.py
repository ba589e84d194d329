"""Backpack's order books, whose bids begin with the worst, in microseconds."""

from typing import Final

from funding_platform.venues.books.records import Asked, Book, BookCall, PairLevel, levels
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import US_PER_MS, Microseconds
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Depth(Payload):
    bids: list[PairLevel]
    asks: list[PairLevel]
    timestamp: Microseconds


DEPTH: Final = Endpoint("/api/v1/depth", _Depth)
DEPTHS: Final = BookSpec(depths=(5, 10, 20, 50, 100, 500, 1000), usual=1000)


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"symbol": listing.venue_symbol, "limit": depth})


def _book(answer: _Depth, listing: Listing) -> Book:
    event_ms = answer.timestamp // US_PER_MS
    return Book(listing.venue_symbol, levels(answer.bids), levels(answer.asks), event_ms)


BOOKS: Final = BookCall(_ask, _book)
