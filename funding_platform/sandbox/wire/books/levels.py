"""What the books of all venues have in common: finding one, and writing its levels."""

from collections.abc import Callable, Sequence

from funding_platform.sandbox.books.ladder import Level, OrderBook, order_book
from funding_platform.sandbox.markets.market import Instrument
from funding_platform.sandbox.wire.contract import ParameterError, Request
from funding_platform.sandbox.wire.decimals import decimals_of, rounded, trimmed

Pairs = list[list[str]]


def book(request: Request, instrument: Instrument, depth: int) -> OrderBook:
    """Return the book of a contract, cut to a depth."""
    return order_book(request.market, request.venue, instrument.venue_symbol).top(depth)


def prices(instrument: Instrument, side: Sequence[Level]) -> list[str]:
    """Write the prices of a side, at the decimals of the tick."""
    places = decimals_of(instrument.tick_size)
    return [rounded(level.price, places) for level in side]


def bases(side: Sequence[Level]) -> list[str]:
    """Write the sizes of a side in base."""
    return [trimmed(level.base) for level in side]


def contracts(side: Sequence[Level]) -> list[str]:
    """Write the sizes of a side in contracts."""
    return [trimmed(level.contracts) for level in side]


def pairs(
    instrument: Instrument,
    side: Sequence[Level],
    sizes: Callable[[Sequence[Level]], list[str]] = bases,
) -> Pairs:
    """Write a side as pairs of price and size."""
    return [list(pair) for pair in zip(prices(instrument, side), sizes(side), strict=True)]


def named(
    instrument: Instrument, side: Sequence[Level], price: str, size: str
) -> list[dict[str, str]]:
    """Write a side as objects with a price and a size, under these names."""
    return [{price: at, size: much} for at, much in pairs(instrument, side)]


def depth_of(request: Request, name: str, *, default: int, most: int) -> int:
    """Read a depth; one that is not granted is refused as a bad parameter."""
    depth = request.integer(name)
    if depth is None:
        return default
    if not 1 <= depth <= most:
        raise ParameterError(name)
    return depth
