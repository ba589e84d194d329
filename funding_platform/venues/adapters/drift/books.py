"""The order books of Drift and Velocity: what rests in them, without what the venue would quote.

The other host is that of the best bid and ask; prices count millionths, sizes thousand-millionths.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import field

from funding_platform.venues.adapters.drift.payloads import BOOK_HOST
from funding_platform.venues.books.records import Asked, Book, BookCall, Level, NamedLevel
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint

PRICE: Final = 1e6
SIZE: Final = 1e9


class _Depth(Payload):
    venue_symbol: str = field(name="marketName")
    bids: list[NamedLevel]
    asks: list[NamedLevel]
    event_ms: Time = field(name="ts")


DEPTH: Final = Endpoint("/l2", _Depth, host=BOOK_HOST)
DEPTHS: Final = BookSpec(depths=range(1, 1001), usual=100)


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"marketName": listing.venue_symbol, "depth": depth})


def _book(answer: _Depth, listing: Listing) -> Book:
    def side(rows: Iterable[NamedLevel]) -> list[Level]:
        return [(row.price / PRICE, row.size / SIZE) for row in rows]

    return Book(answer.venue_symbol, side(answer.bids), side(answer.asks), answer.event_ms)


BOOKS: Final = BookCall(_ask, _book)
