"""Lighter's order books, which come as single orders, without a time and without a name."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, NamedLevel, levels
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Real
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Order(Payload, rename=None):
    price: Real
    size: Real = field(name="remaining_base_amount")


class _Orders(Payload, rename=None):
    """``total_bids`` and ``total_asks`` repeat the limit: they count nothing."""

    bids: list[_Order] | None
    asks: list[_Order] | None


DEPTH: Final = Endpoint("/api/v1/orderBookOrders", _Orders)
DEPTHS: Final = BookSpec(depths=range(1, 251), usual=250)
"""In orders: several of them may be one level."""


def _ask(listing: Listing, depth: int) -> Asked:
    # A level is one order at least: of the orders that make so many levels nobody knows how many.
    return Asked(DEPTH, {"market_id": str(listing.venue_id), "limit": DEPTHS.depths[-1]})


def _book(answer: _Orders, listing: Listing) -> Book:
    bids, asks = (
        levels(NamedLevel(order.price, order.size) for order in side or [])
        for side in (answer.bids, answer.asks)
    )
    return Book(listing.venue_symbol, bids, asks)


BOOKS: Final = BookCall(_ask, _book)
