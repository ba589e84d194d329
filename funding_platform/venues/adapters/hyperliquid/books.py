"""Hyperliquid's order books: twenty levels a side, which may span less than ten basis points."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, levels
from funding_platform.venues.books.records import PairLevel as Pair
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Real, Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Level(Payload):
    price: Real = field(name="px")
    size: Real = field(name="sz")


class _Depth(Payload):
    venue_symbol: str = field(name="coin")
    event_ms: Time = field(name="time")
    levels: tuple[list[_Level], list[_Level]]


DEPTH: Final = Endpoint("/info", _Depth, weight=2, method="POST")
DEPTHS: Final = BookSpec(usual=20)
"""No more is handed out, but prices rounded to fewer digits, of which costs are only estimates."""


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"type": "l2Book", "coin": listing.venue_symbol})


def _book(answer: _Depth, listing: Listing) -> Book:
    bids, asks = (levels(Pair(row.price, row.size) for row in side) for side in answer.levels)
    return Book(answer.venue_symbol, bids, asks, answer.event_ms)


BOOKS: Final = BookCall(_ask, _book)
