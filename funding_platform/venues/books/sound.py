"""Can this be an order book? Levels in order, each price once, and buyers below sellers."""

from collections.abc import Sequence
from itertools import groupby
from math import fsum
from typing import Final

import msgspec

from funding_platform.venues.books.records import Book, Level
from funding_platform.venues.errors import ImpossibleBookError

_SHOWN: Final = 3

_LARGEST: Final = 1e100
"""Of a price and of a size: what is multiplied and added up stays a number."""


def sound_book(book: Book, venue: str) -> Book:
    """Return the book with its sides best first and one level per price.

    A level of size 0 is none: it is what is left of one that was taken away.

    Raises
    ------
    ImpossibleBookError
        If a price is not above 0, a size is below it, either is beyond all measure, or the best bid
        reaches the best ask.
    """
    bids, asks = (_side(book, name, venue) for name in ("bids", "asks"))
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise _impossible(book, f"bids {bids[0][0]:g} over asks {asks[0][0]:g}", venue)
    return msgspec.structs.replace(book, bids=bids, asks=asks)


def _side(book: Book, name: str, venue: str) -> list[Level]:
    """Sort a side and add up what rests at one price."""
    found: Sequence[Level] = getattr(book, name)
    for price, size in found:
        if not 0 < price < _LARGEST or not 0 <= size < _LARGEST:
            raise _impossible(book, f"has {size:g} at a price of {price:g} among its {name}", venue)
    ordered = sorted(found, key=lambda level: level[0], reverse=name == "bids")
    prices = groupby(ordered, key=lambda level: level[0])
    summed = [(price, fsum(size for _, size in same)) for price, same in prices]
    return [level for level in summed if level[1] > 0]


def _impossible(book: Book, message: str, venue: str) -> ImpossibleBookError:
    """Make the error, with the best of both sides beside it."""
    head = {
        "symbol": book.venue_symbol,
        "event_ms": book.event_ms,
        "bids": sorted(book.bids, reverse=True)[:_SHOWN],
        "asks": sorted(book.asks)[:_SHOWN],
    }
    return ImpossibleBookError(
        f"the book of {book.venue_symbol} {message}",
        venue=venue,
        hint="nothing of it is used; core.raw_payloads has the answer as it came",
        payload=msgspec.json.encode(head),
    )
