"""An order book as an adapter reads it, and the call that brings one.

Prices are the venue's own, sizes are already in the venue's base: contracts and dollars become that
here (``in_base``). Order, equal prices and the canonical base are left to ``sound`` and ``frames``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from funding_platform.venues.errors import ContractError
from funding_platform.venues.parsing.fields import MaybeTime, Real
from funding_platform.venues.parsing.payloads import Payload, present
from funding_platform.venues.parsing.records import Listing, Record
from funding_platform.venues.rest.endpoints import Endpoint, Params

T = TypeVar("T")

Level: TypeAlias = tuple[float, float]
"""A price and what rests at it, in the venue's base.

Floats are enough to tell equal prices: of two spellings of one decimal ("61979", "61979.0") the
nearest float is the same, and no venue has prices that only the seventeenth digit tells apart.
"""


class Book(Record, frozen=True):
    """Both sides of a book, in any order, of the perpetual that the answer names.

    Answers that name none are of the one that was asked for. ``event_ms`` is when the venue says
    that the book was; absent where it does not.
    """

    venue_symbol: str
    bids: Sequence[Level]
    asks: Sequence[Level]
    event_ms: MaybeTime = None


class PairLevel(Payload, array_like=True):
    """A level that begins with its price and its size; what follows is left alone."""

    price: Real
    size: Real


class NamedLevel(Payload):
    """A level whose fields are called ``price`` and ``size``."""

    price: Real
    size: Real


def levels(rows: Iterable[PairLevel | NamedLevel]) -> list[Level]:
    """Take the levels as they are: of venues that count in base."""
    return [(row.price, row.size) for row in rows]


def in_base(rows: Iterable[PairLevel | NamedLevel], listing: Listing, venue: str) -> list[Level]:
    """Turn contracts into base: ``n * size`` if linear, ``n * size / price`` if inverse.

    Parameters
    ----------
    rows
        Levels whose size is a number of contracts.
    listing
        Says how much one contract is: base if linear, quote if inverse.
    venue
        For errors.

    Raises
    ------
    ContractError
        If it does not say so, or the contract settles in neither.
    """
    size = present(listing.contract_size)
    if size is None or size <= 0 or listing.contract_type == "quanto":
        raise ContractError(
            f"{listing.venue_symbol} is {listing.contract_type}, of a contract size of {size}: "
            "how much base a contract is cannot be told",
            venue=venue,
        )
    if listing.contract_type == "linear":
        return [(row.price, row.size * size) for row in rows]
    return [(row.price, worth(row.size * size, row.price)) for row in rows]


def worth(amount: float, price: float) -> float:
    """Return an amount of the quote currency in base; a price of 0 is for ``sound`` to refuse."""
    return amount / price if price else amount


class Asked(NamedTuple):
    """A request for one book."""

    endpoint: Endpoint[Any]
    params: Params


@dataclass(frozen=True)
class BookCall(Generic[T]):
    """How a venue is asked for one book, and how its answer is read.

    Parameters
    ----------
    ask
        The request, for a listing and a depth that ``BookSpec.fit`` returned.
    read
        Makes a book of the decoded answer; ``VenueError`` where it says that there is none.
    """

    ask: Callable[[Listing, int], Asked]
    read: Callable[[T, Listing], Book]
