"""What rests on either side of a contract, made from its quote.

The best levels are the quote's own bid and ask. Below them a book goes on as real ones do: with
gaps between the levels and sizes that grow away from the touch, more and deeper where a contract
trades more. All of it is a function of the contract's names, of its quote and of the minute.
"""

from math import log10
from typing import Final, NamedTuple

import numpy as np

from funding_platform.sandbox.markets.market import Instrument, Market, Quote
from funding_platform.sandbox.markets.noise import Bits, draw, key, uniform
from funding_platform.sandbox.markets.series import Values
from funding_platform.sandbox.wire.decimals import decimals_of

_MINUTE_MS = 60_000
_FEWEST, _MOST = 40, 1_000
_LEVELS_PER_DECADE = 250
_QUIET_USD = 1e6
"""A contract with this turnover a day has the fewest levels."""
_GAP_BPS: Final = (0.05, 0.4)
_GROWTH_PER_BP = 0.15
_SPREAD_OF_SIZES = 1.4


class Level(NamedTuple):
    """One price: how many contracts rest at it, and how much base they are."""

    price: float
    contracts: float
    base: float


class OrderBook(NamedTuple):
    """Both sides, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def top(self, levels: int) -> "OrderBook":
        """Return so many levels of each side at most."""
        return OrderBook(self.bids[:levels], self.asks[:levels])


EMPTY: Final = OrderBook((), ())
"""The book of a contract that does not trade, or whose quotes the market does not know."""


def order_book(market: Market, venue: str, venue_symbol: str) -> OrderBook:
    """Return the book of a contract as it stands: the one that all endpoints show.

    Parameters
    ----------
    market
        Any market; one without quotes has empty books.
    venue, venue_symbol
        Of a listed contract.
    """
    quote = market.quotes(venue).get(venue_symbol)
    return EMPTY if quote is None else book_of(quote, venue, market.now_ms())


def book_of(quote: Quote, venue: str, now_ms: int) -> OrderBook:
    """Make the book around a quote."""
    if quote.bid is None or quote.ask is None or quote.bid_size is None or quote.ask_size is None:
        return EMPTY
    own = key(0, "book", venue, quote.instrument.venue_symbol)
    minute = draw(own, now_ms // _MINUTE_MS)
    traded = (quote.volume_24h or 0.0) * quote.bid
    count = int(np.clip(_LEVELS_PER_DECADE * log10(1 + traded / _QUIET_USD), _FEWEST, _MOST))
    low, high = _GAP_BPS
    gap_bps = low + (high - low) * float(uniform(draw(own, 1))[0])
    sides = (
        _side(quote.instrument, best, size, gap_bps, count, draw(minute, side))
        for side, (best, size) in enumerate(
            ((quote.bid, quote.bid_size), (-quote.ask, quote.ask_size))
        )
    )
    return OrderBook(*sides)


def _side(
    instrument: Instrument, best: float, size: float, gap_bps: float, count: int, bits: Bits
) -> tuple[Level, ...]:
    """Make the levels of one side; an ask is a bid of a negative price."""
    tick, places = instrument.tick_size, decimals_of(instrument.tick_size)
    chance = uniform(draw(bits, np.arange(2 * count)))
    first = round(best / tick)
    usual = gap_bps / 1e4 * abs(best) / tick
    gaps = np.maximum(1.0, np.ceil(2 * usual * chance[:count]))
    gaps[0] = 0.0
    ticks = first - np.cumsum(gaps)
    ticks = ticks[(ticks > 0) | (best < 0)]
    prices = np.round(np.abs(ticks) * tick, places)
    away_bps = np.abs(prices / prices[0] - 1) * 1e4
    around = 1 + _SPREAD_OF_SIZES * (chance[count : count + len(prices)] - 0.5)
    around[0] = 1.0
    bases = size * (1 + _GROWTH_PER_BP * away_bps) * around
    contracts = _contracts(instrument, bases, prices)
    rows = zip(prices.tolist(), contracts.tolist(), strict=True)
    return tuple(Level(price, number, in_base(instrument, number, price)) for price, number in rows)


def _contracts(instrument: Instrument, bases: Values, prices: Values) -> Values:
    """Turn sizes in base into contracts, in whole steps of at least one."""
    worth = bases * prices if instrument.contract.contract_type == "inverse" else bases
    steps = np.maximum(1.0, np.round(worth / instrument.contract_size / instrument.size_step))
    return np.round(steps * instrument.size_step, decimals_of(instrument.size_step))


def in_base(instrument: Instrument, contracts: float, price: float) -> float:
    """Return how much base so many contracts are, at a price."""
    amount = contracts * instrument.contract_size
    return amount / price if instrument.contract.contract_type == "inverse" else amount
