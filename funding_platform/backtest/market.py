"""The market as it was known at one instant: what a strategy decides on.

One object is moved through time. Its columns hold one value per instrument, NaN for what was not
known or is too old to be relied on, and are refreshed in place: a strategy that keeps one beyond a
decision copies it.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl

from funding_platform.arbitrage.costs import FeeHistory
from funding_platform.backtest.books import NOT_YET
from funding_platform.backtest.data.panel import Panel, Predictions, first_rows, floats
from funding_platform.backtest.errors import UnknownInstrumentError
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.system.compiled import compiled
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.time_grid import from_us
from funding_platform.core.units import rate_8h
from funding_platform.strategies.contract import Bars

_NEVER = 1 << 62
_rate_8h = compiled(rate_8h)


class ReplayedMarket:
    """A ``MarketView`` of data that is there already: what was known at ``time``, by instrument.

    Parameters
    ----------
    instruments
        One row per instrument; row numbers are what orders name.
    panel
        The data.
    predictions
        The rates that venues predicted.
    features
        ``instrument``, ``available_at`` and one column per feature, in that order of rows.
    fees
        Of the venues in the order of ``panel.facts.venue``.
    stale_us
        Age above which a rate, a price or a feature is not shown any more, in microseconds.
    half_spread_bps
        What a fill is expected to pay beyond the mid, before impact.
    """

    def __init__(
        self,
        instruments: pl.DataFrame,
        panel: Panel,
        predictions: Predictions,
        features: pl.DataFrame,
        fees: FeeHistory,
        stale_us: int,
        half_spread_bps: float,
    ) -> None:
        count = instruments.height
        self.instruments = instruments
        self.time_us = NOT_YET
        self.rate: Floats = np.full(count, np.nan)
        self.interval_hours: Floats = np.full(count, np.nan)
        self.rate_8h: Floats = np.full(count, np.nan)
        self.price: Floats = np.full(count, np.nan)
        self.fee_bps: Floats = np.full(count, np.nan)
        self.half_spread_bps = half_spread_bps
        self.seen_us: Ints = np.full(count, NOT_YET, dtype=np.int64)
        """Time of the newest settlement or price of each."""
        self._panel, self._predictions, self._fees = panel, predictions, fees
        self._stale_us = stale_us
        self._wake_us: Ints = np.full(count, NOT_YET, dtype=np.int64)
        self._fee_changes = np.sort(fees.since_us)
        self._fees_seen = -1
        self._rows = _cursors(panel.settlements.first)
        self._prices = _cursors(panel.prices.first)
        self._features = _Features(features, count)

    @property
    def time(self) -> datetime:
        """Now."""
        return from_us(self.time_us)

    @property
    def tradable(self) -> Flags:
        """Which have been seen within ``stale_us``."""
        return self.seen_us >= self.time_us - self._stale_us

    @property
    def fill_cost_bps(self) -> Floats:
        """Fee and half-spread of one fill."""
        return self.fee_bps + self.half_spread_bps

    @property
    def base(self) -> Ints:
        """A number for the base of each; equal numbers, equal bases."""
        return self._panel.facts.base

    @property
    def venue(self) -> Ints:
        """A number for the venue of each."""
        return self._panel.facts.venue

    @property
    def spot(self) -> Flags:
        """Which are spot, and have no funding."""
        return self._panel.facts.spot

    @cached_property
    def by_base(self) -> tuple[Ints, Ints]:
        """Instruments in the order of their bases, and where each base begins, with the end."""
        order = np.argsort(self.base, kind="stable")
        bases = int(self.base.max()) + 1 if len(order) else 0
        return order, np.searchsorted(self.base[order], np.arange(bases + 1))

    def index(self, venue: str, venue_symbol: str) -> int:
        """Return the row of an instrument.

        Raises
        ------
        UnknownInstrumentError
            If the data does not have it.
        """
        try:
            return self._by_key[venue, venue_symbol]
        except KeyError:
            raise UnknownInstrumentError(f"the data has no {venue} {venue_symbol}") from None

    def feature(self, name: str) -> Floats:
        """Return the newest known value of a feature, one per instrument.

        Raises
        ------
        UnknownInstrumentError
            If no such feature was given to the provider.
        """
        return self._features.values(name, self.time_us, self._stale_us)

    @property
    def predicted_rate(self) -> Floats:
        """The rate that each venue predicted last, fraction per funding interval."""
        shown = self._predictions
        return _newest(shown.first, shown.time_us, shown.rate, self.time_us, self._stale_us)

    @property
    def volume_24h_usd(self) -> Floats:
        """Turnover of 24 hours, as last known."""
        known = self._panel.volumes
        return _newest(known.first, known.time_us, known.volume_usd, self.time_us, self._stale_us)

    def past_prices(self, instrument: int, count: int) -> Bars:
        """Read the last ``count`` prices of an instrument, newest last, with the bars closed."""
        prices = self._panel.prices
        end = int(self._prices[instrument])
        rows = slice(max(int(prices.first[instrument]), end - count), end)
        price = prices.price[rows].copy()
        low, high = (
            side[rows].copy() if len(side) else np.full(len(price), np.nan)
            for side in (prices.low, prices.high)
        )
        return Bars(prices.time_us[rows].copy(), low, high, price)

    def past_rates(self, instrument: int, count: int) -> Floats:
        """Return the last ``count`` known rates of an instrument, newest last, or all if fewer."""
        end = self._rows[instrument]
        begin = max(self._panel.settlements.first[instrument], end - count)
        return self._panel.settlements.rate[begin:end].copy()

    def move_to(self, time_us: int) -> None:
        """Show what is known at a later instant."""
        self.time_us = time_us
        _refresh(
            self._panel,
            time_us,
            self._stale_us,
            (self._rows, self._prices),
            (self.rate, self.interval_hours, self.rate_8h, self.price),
            self.seen_us,
            self._wake_us,
        )
        changes = int(np.searchsorted(self._fee_changes, time_us, side="right"))
        if changes != self._fees_seen:
            self._fees_seen = changes
            fees = [self._fees.at(venue, time_us) for venue in self._fees.venues]
            self.fee_bps = np.array(fees, dtype=np.float64)[self.venue]

    @cached_property
    def _by_key(self) -> Mapping[tuple[str, str], int]:
        keys = self.instruments.select(INSTRUMENT_KEY).iter_rows()
        return {(venue, symbol): row for row, (venue, symbol) in enumerate(keys)}


class _Features:
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
        if name not in self._columns:
            raise UnknownInstrumentError(
                f"the data has no feature {name!r}",
                hint=f"it has {', '.join(self._columns) or 'none: give the provider features'}",
            )
        return _newest(self._first, self._known_us, self._columns[name], time_us, stale_us)


@compiled
def _newest(first: Ints, known_us: Ints, values: Floats, time_us: int, stale_us: int) -> Floats:
    """Find the last value known at a time for each instrument; NaN where too old or none."""
    found = np.full(len(first) - 1, np.nan)
    for number in range(len(found)):
        begin, end = first[number], first[number + 1]
        row = begin + np.searchsorted(known_us[begin:end], time_us, side="right") - 1
        if row >= begin and time_us - known_us[row] <= stale_us:
            found[number] = values[row]
    return found


def _cursors(first: Ints) -> Ints:
    """Point one past the last known row of each instrument: none yet."""
    return first[:-1].copy()


@compiled
def _refresh(
    panel: Panel,
    time_us: int,
    stale_us: int,
    cursors: tuple[Ints, Ints],
    shown: tuple[Floats, Floats, Floats, Floats],
    seen_us: Ints,
    wake_us: Ints,
) -> None:
    """Move the cursors, and show the last rate and price, of every instrument that has news.

    ``wake_us`` is when it has: its next row, or the moment at which what is shown gets too old.
    """
    rows, points = cursors
    rate, interval, scaled, price = shown
    settlements, prices = panel.settlements, panel.prices
    for number in range(len(rows)):
        if wake_us[number] > time_us:
            continue
        wake = _NEVER
        row, end = rows[number], settlements.first[number + 1]
        while row < end and settlements.known_us[row] <= time_us:
            row += 1
        rows[number] = row
        if row < end:
            wake = min(wake, settlements.known_us[row])
        rate[number] = interval[number] = scaled[number] = price[number] = np.nan
        if row > settlements.first[number]:
            settled = settlements.time_us[row - 1]
            seen_us[number] = max(seen_us[number], settled)
            if time_us - settled <= stale_us:
                rate[number] = settlements.rate[row - 1]
                interval[number] = settlements.interval_hours[row - 1]
                scaled[number] = _rate_8h(rate[number], interval[number])
                wake = min(wake, settled + stale_us + 1)
        point, end = points[number], prices.first[number + 1]
        while point < end and prices.time_us[point] <= time_us:
            point += 1
        points[number] = point
        if point < end:
            wake = min(wake, prices.time_us[point])
        if point > prices.first[number]:
            stamped = prices.time_us[point - 1]
            seen_us[number] = max(seen_us[number], stamped)
            if time_us - stamped <= stale_us:
                price[number] = prices.price[point - 1]
                wake = min(wake, stamped + stale_us + 1)
        wake_us[number] = wake
