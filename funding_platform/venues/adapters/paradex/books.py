"""Paradex's order books, as users of the API trade against them."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, PairLevel, levels
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Depth(Payload, rename=None):
    venue_symbol: str = field(name="market")
    bids: list[PairLevel]
    asks: list[PairLevel]
    event_ms: Time = field(name="last_updated_at")


DEPTH: Final = Endpoint("/v1/orderbook/{market}", _Depth)
DEPTHS: Final = BookSpec(depths=range(1, 101), usual=100)
"""Nothing says how many are granted at most; 20 come where nothing is said."""


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"market": listing.venue_symbol, "depth": depth})


def _book(answer: _Depth, listing: Listing) -> Book:
    bids, asks = levels(answer.bids), levels(answer.asks)
    return Book(answer.venue_symbol, bids, asks, answer.event_ms)


BOOKS: Final = BookCall(_ask, _book)
