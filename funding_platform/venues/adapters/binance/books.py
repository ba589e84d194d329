"""Binance's order books, as Aster has them too. Neither says whose book an answer is."""

from dataclasses import replace
from typing import Final

from msgspec import field

from funding_platform.venues.books.records import Asked, Book, BookCall, PairLevel, levels
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import MaybeTime
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint, Params


class _Depth(Payload):
    """``E`` is when the answer was made; ``T``, when the book last changed, is not taken."""

    bids: list[PairLevel]
    asks: list[PairLevel]
    event_ms: MaybeTime = field(name="E", default=None)


WEIGHTS: Final = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
"""What a request weighs, by the depth that it asks for."""

DEPTHS: Final = BookSpec(depths=tuple(WEIGHTS), usual=1000)


def book_call(path: str) -> BookCall[_Depth]:
    """Make the call for the path at which a venue with this API has its books."""
    endpoint = Endpoint(path, _Depth)

    def ask(listing: Listing, depth: int) -> Asked:
        params: Params = {"symbol": listing.venue_symbol, "limit": depth}
        return Asked(replace(endpoint, weight=WEIGHTS[depth]), params)

    return BookCall(ask, _book)


def _book(answer: _Depth, listing: Listing) -> Book:
    return Book(listing.venue_symbol, levels(answer.bids), levels(answer.asks), answer.event_ms)
