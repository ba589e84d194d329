"""Hourly bars over a made-up price, of any window by itself.

A bar opens and closes at the price of its two edges, so that its close is what a snapshot at that
instant shows. Between them the price moves by less than the least wick, so that whatever is seen
within the hour lies within the bar:

    high = max(open, close) * (1 + wick),   low = min(open, close) * (1 - wick)
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from funding_platform.sandbox.markets.noise import Bits, draw, uniform
from funding_platform.sandbox.markets.series import Times, Values

_LEAST_WICK = 0.0001
_DAY_HOURS: Final = 24
_DEALS = np.uint64(0xDEA15)

Price = Callable[[Values], Values]
"""A price at moments, in hours since the epoch."""


class Prices(NamedTuple):
    """Opens, highs, lows and closes of consecutive hours."""

    opens: Values
    highs: Values
    lows: Values
    closes: Values

    def rounded(self, decimals: int) -> "Prices":
        """Round to so many decimals, which keeps the order of the four."""
        return Prices(*(np.round(column, decimals) for column in self))


def price_bars(price: Price, wick_key: Bits, wick: float, hours: Times, now: float) -> Prices:
    """Make the bars of consecutive hours, the last of which may still be under way.

    Parameters
    ----------
    price
        What the bars are of.
    wick_key, wick
        What the wicks are drawn from, and how large they may get, as a share of the price.
    hours
        Hours since the epoch, each one after the one before it.
    now
        The present, in hours since the epoch.
    """
    if not len(hours):
        nothing = np.empty(0)
        return Prices(nothing, nothing, nothing, nothing)
    edges = np.append(hours, hours[-1] + 1).astype(np.float64)
    edges[-1] = min(edges[-1], now)
    at_edges = price(edges)
    opens, closes = at_edges[:-1], at_edges[1:]
    share = wick * np.diff(edges)
    up, down = (
        _LEAST_WICK + share * uniform(draw(wick_key, 2 * hours + side)) ** 3 for side in (0, 1)
    )
    return Prices(
        opens,
        np.maximum(opens, closes) * (1 + up),
        np.minimum(opens, closes) * (1 - down),
        closes,
    )


def first_dealt(hour: int) -> int:
    """Find the latest hour up to one that surely saw a deal: the first of its day."""
    return hour // _DAY_HOURS * _DAY_HOURS


def dealt(own_key: Bits, idle: Values, hours: Times) -> npt.NDArray[np.bool_]:
    """Tell in which hours anybody dealt: at least once a day somebody does."""
    luck = uniform(draw(own_key ^ _DEALS, hours))
    return np.asarray((luck >= idle) | (hours % _DAY_HOURS == 0))


def standing_still(prices: Prices, deals: npt.NDArray[np.bool_]) -> Prices:
    """Keep the last price in hours without a deal; the first hour has one."""
    latest = np.maximum.accumulate(np.where(deals, np.arange(len(deals)), 0))
    before = prices.closes[latest]
    return Prices(*(np.where(deals, column, before) for column in prices))
