"""What of a market is looked up when a strategy asks for it: last prices, and features."""

import numpy as np
import polars as pl

from funding_platform.backtest.books import NOT_YET
from funding_platform.backtest.data.panel import Prices, first_rows, floats
from funding_platform.backtest.errors import UnknownInstrumentError
from funding_platform.backtest.kernel.showing import newest, refresh_prices
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.strategies.contract import Bars


def cursors(first: Ints) -> Ints:
    """Point one past the last known row of each instrument: none yet."""
    return first[:-1].copy()


class LastPrices:
    """The last price of each instrument, looked for when it is asked for.

    To find those of thousands of instruments, each in memory of its own, takes as long as a
    decision by rates, which needs none of them.
    """

    def __init__(self, prices: Prices, stale_us: int) -> None:
        count = len(prices.first) - 1
        self._prices, self._stale_us = prices, stale_us
        self._points = cursors(prices.first)
        self._price: Floats = np.full(count, np.nan)
        self._seen_us, self._wake_us = np.full((2, count), NOT_YET, dtype=np.int64)
        self._all = np.ones(count, dtype=np.bool_)
        self._all_as_of = NOT_YET

    def price(self, time_us: int) -> Floats:
        """Return the last prices at a time; NaN where one is too old."""
        self._look(time_us)
        return self._price

    def seen_us(self, time_us: int, which: Flags | None = None) -> Ints:
        """Return when the last prices of all, or of some, are of; of others, an earlier time."""
        self._look(time_us, which)
        return self._seen_us

    def past(self, time_us: int, instrument: int, count: int) -> Bars:
        """Return the last prices of an instrument at a time, with the bars closed."""
        self._look(time_us)
        prices = self._prices
        end = int(self._points[instrument])
        rows = slice(max(int(prices.first[instrument]), end - count), end)
        price = prices.price[rows].copy()
        low, high = (
            side[rows].copy() if len(side) else np.full(len(price), np.nan)
            for side in (prices.low, prices.high)
        )
        return Bars(prices.time_us[rows].copy(), low, high, price)

    def _look(self, time_us: int, which: Flags | None = None) -> None:
        """Move the cursors of all, or of some, on to a time, which never goes back."""
        if self._all_as_of == time_us:
            return
        refresh_prices(
            self._prices,
            time_us,
            self._stale_us,
            self._all if which is None else which,
            self._points,
            self._price,
            self._seen_us,
            self._wake_us,
        )
        if which is None:
            self._all_as_of = time_us


class Features:
    """Columns of features, looked up when they are asked for."""

    def __init__(self, frame: pl.DataFrame, count: int) -> None:
        self._first = first_rows(frame["instrument"].to_numpy(), count)
        self._known_us = frame["available_at"].cast(pl.Int64).to_numpy()
        self._columns = {
            name: floats(frame[name])
            for name in frame.columns
            if name not in ("instrument", "available_at")
        }

    def values(self, name: str, time_us: int, stale_us: int) -> Floats:
        """Return the newest known value of a feature, one per instrument; refuse one unknown."""
        if name not in self._columns:
            raise UnknownInstrumentError(
                f"the data has no feature {name!r}",
                hint=f"it has {', '.join(self._columns) or 'none: give the provider features'}",
            )
        return newest(self._first, self._known_us, self._columns[name], time_us, stale_us)
