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
from funding_platform.backtest.data.panel import Panel, Predictions
from funding_platform.backtest.errors import UnknownInstrumentError
from funding_platform.backtest.kernel.showing import newest, refresh_rates
from funding_platform.backtest.looked_up import Features, LastPrices, cursors
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.time_grid import from_us
from funding_platform.strategies.contract import Bars


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
        self.fee_bps: Floats = np.full(count, np.nan)
        self.half_spread_bps = half_spread_bps
        self._panel, self._predictions, self._fees = panel, predictions, fees
        self._stale_us = stale_us
        self._settled_us, self._wake_us = np.full((2, count), NOT_YET, dtype=np.int64)
        self._fee_changes = np.sort(fees.since_us)
        self._fees_seen = -1
        self._rows = cursors(panel.settlements.first)
        self._prices = LastPrices(panel.prices, stale_us)
        self._features = Features(features, count)

    @property
    def time(self) -> datetime:
        """Now."""
        return from_us(self.time_us)

    @property
    def tradable(self) -> Flags:
        """Which have been seen within ``stale_us``: most by their settlement already."""
        since_us = self.time_us - self._stale_us
        seen: Flags = self._settled_us >= since_us
        if not seen.all():
            seen |= self._prices.seen_us(self.time_us, ~seen) >= since_us
        return seen

    @property
    def seen_us(self) -> Ints:
        """Time of the newest settlement or price of each."""
        return np.maximum(self._settled_us, self._prices.seen_us(self.time_us))

    @property
    def price(self) -> Floats:
        """Last price, per canonical base."""
        return self._prices.price(self.time_us)

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
        return newest(shown.first, shown.time_us, shown.rate, self.time_us, self._stale_us)

    @property
    def volume_24h_usd(self) -> Floats:
        """Turnover of 24 hours, as last known."""
        known = self._panel.volumes
        return newest(known.first, known.time_us, known.volume_usd, self.time_us, self._stale_us)

    def past_prices(self, instrument: int, count: int) -> Bars:
        """Read the last ``count`` prices of an instrument, newest last, with the bars closed."""
        return self._prices.past(self.time_us, instrument, count)

    def past_rates(self, instrument: int, count: int) -> Floats:
        """Return the last ``count`` known rates of an instrument, newest last, or all if fewer."""
        end = self._rows[instrument]
        begin = max(self._panel.settlements.first[instrument], end - count)
        return self._panel.settlements.rate[begin:end].copy()

    def move_to(self, time_us: int) -> None:
        """Show what is known at a later instant."""
        self.time_us = time_us
        refresh_rates(
            self._panel.settlements,
            time_us,
            self._stale_us,
            self._rows,
            (self.rate, self.interval_hours, self.rate_8h),
            self._settled_us,
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
