"""Extended's order books: whole, and without a time."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, NamedLevel, levels
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Real
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Level(Payload):
    price: Real
    size: Real = field(name="qty")


class _Depth(Payload):
    venue_symbol: str = field(name="market")
    bids: list[_Level] = field(name="bid")
    asks: list[_Level] = field(name="ask")


DEPTH: Final = Endpoint("/api/v1/info/markets/{market}/orderbook", _Depth, within="data")
DEPTHS: Final = BookSpec(usual=1000)


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"market": listing.venue_symbol})


def _book(answer: _Depth, listing: Listing) -> Book:
    bids, asks = (
        levels(NamedLevel(row.price, row.size) for row in side)
        for side in (answer.bids, answer.asks)
    )
    return Book(answer.venue_symbol, bids, asks)


BOOKS: Final = BookCall(_ask, _book)
