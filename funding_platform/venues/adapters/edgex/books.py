"""edgeX's order books, of fifteen levels or two hundred; an unknown contract has an empty list."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, NamedLevel, levels
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.parsing.fields import MaybeTime
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Depth(Payload):
    venue_id: str = field(name="contractId")
    bids: list[NamedLevel]
    asks: list[NamedLevel]


class _Depths(Payload):
    """The book has no time of its own: the answer does."""

    data: list[_Depth]
    response_time: MaybeTime = None


DEPTH: Final = Endpoint("/api/v2/public/quote/getDepth", _Depths)
DEPTHS: Final = BookSpec(depths=(15, 200), usual=200)


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"contractId": str(listing.venue_id), "level": depth})


def _book(answer: _Depths, listing: Listing) -> Book:
    if not answer.data:
        raise UnknownSymbolError(f"has no book of {listing.venue_symbol}", venue="edgex")
    found = answer.data[0]
    mine = found.venue_id == listing.venue_id
    symbol = listing.venue_symbol if mine else f"contract {found.venue_id}"
    return Book(symbol, levels(found.bids), levels(found.asks), answer.response_time)


BOOKS: Final = BookCall(_ask, _book)
