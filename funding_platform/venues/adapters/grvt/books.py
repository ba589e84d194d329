"""GRVT's order books; their time is a text of nanoseconds."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, NamedLevel, levels
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import NS_PER_MS, Nanoseconds
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Depth(Payload, rename=None):
    venue_symbol: str = field(name="instrument")
    event_time: Nanoseconds
    bids: list[NamedLevel]
    asks: list[NamedLevel]


DEPTH: Final = Endpoint("/full/v1/book", _Depth, within="result", method="POST")
DEPTHS: Final = BookSpec(depths=(10, 50, 100, 500), usual=500)


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"instrument": listing.venue_symbol, "depth": depth})


def _book(answer: _Depth, listing: Listing) -> Book:
    event_ms = answer.event_time // NS_PER_MS
    return Book(answer.venue_symbol, levels(answer.bids), levels(answer.asks), event_ms)


BOOKS: Final = BookCall(_ask, _book)
