"""Books for an account that stands for a real venue: its best prices, and depth as measured.

A live board knows the best bid and ask of an instrument, second by second; how much rests behind
them is measured now and then. From both a book is made that promises no more than was seen: what
rests within a distance of mid stands at the far end of it, and where nothing is known, nothing
stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Protocol

from funding_platform.core.trading import (
    ZERO,
    InstrumentLimits,
    Level,
    OrderBook,
    Side,
    payoffs,
)
from funding_platform.paper import Settlement
from funding_platform.paper.rules import BASIS_POINT

MAX_AGE = timedelta(seconds=30)
"""A quote that is older says nothing of the present."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardQuote:
    """The best prices of an instrument, per canonical base, and what stands there where known.

    Sizes are in base, or US dollars of an inverse contract, as all quantities.
    """

    bid: Decimal
    ask: Decimal
    seen_at: datetime
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    mark: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDepth:
    """What rests within distances of mid, the touch included.

    Parameters
    ----------
    bid_usd, ask_usd
        US dollars by distance in basis points.
    """

    bid_usd: Mapping[Decimal, Decimal]
    ask_usd: Mapping[Decimal, Decimal]


class Board(Protocol):
    """What is known of one venue; whoever wires it hands in quotes, depth and settlements."""

    def quote(self, symbol: str) -> BoardQuote | None:
        """Return the best prices as they were last seen; None where they never were."""

    def depth(self, symbol: str) -> MeasuredDepth | None:
        """Return the depth that was last measured; None where it is not known, or too old."""

    def limits(self, symbol: str) -> InstrumentLimits | None:
        """Return what orders must be; None where the symbol is not listed."""

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        """Return what was settled after ``since`` and not after ``until``, in order."""


class BoardMarket:
    """A ``PaperMarket`` of a live board.

    Parameters
    ----------
    board
        What is known.
    max_age
        Older quotes make no book: orders that take are refused then, and none that wait fill.
    """

    def __init__(self, board: Board, *, max_age: timedelta = MAX_AGE) -> None:
        self._board = board
        self._max_age = max_age

    def limits(self, symbol: str) -> InstrumentLimits | None:
        """Return what orders must be; None where the symbol is not listed."""
        return self._board.limits(symbol)

    def book(self, symbol: str, at: datetime) -> OrderBook | None:
        """Make the book; None where no quote is known that is recent enough."""
        quote, limits = self._fresh(symbol, at), self._board.limits(symbol)
        if quote is None or limits is None:
            return None
        depth = self._board.depth(symbol)
        bid_usd, ask_usd = (depth.bid_usd, depth.ask_usd) if depth else ({}, {})
        bids = _side(Side.SELL, quote, quote.bid_size, bid_usd, limits)
        asks = _side(Side.BUY, quote, quote.ask_size, ask_usd, limits)
        return OrderBook(venue_symbol=symbol, bids=bids, asks=asks, seen_at=quote.seen_at)

    def mark(self, symbol: str, at: datetime) -> Decimal | None:
        """Return the mark, or the mid where none is stated; None where no quote is recent."""
        quote = self._fresh(symbol, at)
        if quote is None:
            return None
        return quote.mark or (quote.bid + quote.ask) / 2

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        """Return what was settled after ``since`` and not after ``until``, in order."""
        return self._board.settlements(symbol, since, until)

    def _fresh(self, symbol: str, at: datetime) -> BoardQuote | None:
        quote = self._board.quote(symbol)
        return quote if quote is not None and at - quote.seen_at <= self._max_age else None


def _side(
    taker: Side,
    quote: BoardQuote,
    touch_size: Decimal | None,
    within_usd: Mapping[Decimal, Decimal],
    limits: InstrumentLimits,
) -> tuple[Level, ...]:
    """Make what an order of a side can take: the touch, and a level at the end of each distance."""
    best = quote.ask if taker is Side.BUY else quote.bid
    mid = (quote.bid + quote.ask) / 2
    # Of a touch whose size is not known, what rests within the first distance stands behind it.
    levels = [] if not touch_size else [Level(best, touch_size)]
    inverse = limits.inverse
    seen_usd = ZERO if not touch_size else payoffs.notional_usd(inverse, touch_size, best)
    for reach_bps, usd in sorted(within_usd.items()):
        end = mid * (1 + taker.sign * reach_bps * BASIS_POINT)
        away = ROUND_UP if taker is Side.BUY else ROUND_DOWN
        price = (end / limits.price_step).to_integral_value(rounding=away) * limits.price_step
        quantity = limits.round_quantity(payoffs.size_of_usd(inverse, usd - seen_usd, price))
        behind = (price - (levels[-1].price if levels else mid)) * taker.sign > 0
        if quantity > 0 and behind and (price - best) * taker.sign >= 0:
            levels.append(Level(price, quantity))
            seen_usd = usd
    return tuple(levels)
