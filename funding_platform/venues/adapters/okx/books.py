"""OKX's order books, which count contracts and do not say whose they are."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, PairLevel, in_base
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint
from funding_platform.venues.rest.limits import Budget


class _Depth(Payload):
    bids: list[PairLevel]
    asks: list[PairLevel]
    event_ms: Time = field(name="ts")


DEPTH: Final = Endpoint(
    "/api/v5/market/books", _Depth, within="data", sole=True, budget=Budget("books", 40, 2)
)
DEPTHS: Final = BookSpec(depths=range(1, 401), usual=400)  # 1 where nothing is said


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"instId": listing.venue_symbol, "sz": depth})


def _book(answer: _Depth, listing: Listing) -> Book:
    bids, asks = (in_base(side, listing, "okx") for side in (answer.bids, answer.asks))
    return Book(listing.venue_symbol, bids, asks, answer.event_ms)


BOOKS: Final = BookCall(_ask, _book)
