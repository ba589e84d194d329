"""Bybit's order books: base on linear contracts, dollars on inverse ones."""

from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, PairLevel, in_base
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint, Params


class _Depth(Payload):
    """``ts`` is when the answer was made; ``cts``, when the book last changed, is not taken."""

    venue_symbol: str = field(name="s")
    bids: list[PairLevel] = field(name="b")
    asks: list[PairLevel] = field(name="a")
    event_ms: Time = field(name="ts")


DEPTH: Final = Endpoint("/v5/market/orderbook", _Depth, within="result")
DEPTHS: Final = BookSpec(depths=range(1, 1001), usual=1000)  # 25 where nothing is said


def _ask(listing: Listing, depth: int) -> Asked:
    params: Params = {
        "category": listing.contract_type,
        "symbol": listing.venue_symbol,
        "limit": depth,
    }
    return Asked(DEPTH, params)


def _book(answer: _Depth, listing: Listing) -> Book:
    bids, asks = (in_base(side, listing, "bybit") for side in (answer.bids, answer.asks))
    return Book(answer.venue_symbol, bids, asks, answer.event_ms)


BOOKS: Final = BookCall(_ask, _book)
