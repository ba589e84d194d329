"""Deribit's order books: amounts in dollars on inverse contracts, in base on linear ones."""

from collections.abc import Iterable
from typing import Final

from msgspec import field

from funding_platform.venues.books.records import (
    Asked,
    Book,
    BookCall,
    Level,
    PairLevel,
    levels,
    worth,
)
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.parsing.fields import Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.endpoints import Endpoint


class _Depth(Payload, rename=None):
    venue_symbol: str = field(name="instrument_name")
    bids: list[PairLevel]
    asks: list[PairLevel]
    event_ms: Time = field(name="timestamp")


DEPTH: Final = Endpoint("/api/v2/public/get_order_book", _Depth, within="result")
DEPTHS: Final = BookSpec(depths=(1, 5, 10, 20, 50, 100, 1000, 10_000), usual=1000)


def _ask(listing: Listing, depth: int) -> Asked:
    return Asked(DEPTH, {"instrument_name": listing.venue_symbol, "depth": depth})


def _book(answer: _Depth, listing: Listing) -> Book:
    def side(rows: Iterable[PairLevel]) -> list[Level]:
        """Read amounts, not numbers of contracts: a contract of 10 dollars counts as 10."""
        if listing.contract_type == "inverse":
            return [(row.price, worth(row.size, row.price)) for row in rows]
        return levels(rows)

    return Book(answer.venue_symbol, side(answer.bids), side(answer.asks), answer.event_ms)


BOOKS: Final = BookCall(_ask, _book)
