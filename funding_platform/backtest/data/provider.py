"""What was known when: the one way by which a backtest reads the market.

Frames go in once and are checked; look-ups and the engine read the same columns. A row is known
from its ``available_at`` on, which is its settlement (or observation) where the frame has none.
"""

from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import datetime
from functools import cached_property
from typing import Self

import numpy as np
import polars as pl

from funding_platform.backtest.data.frames import Intake, read_frames
from funding_platform.backtest.data.intervals import interval_notes
from funding_platform.backtest.data.lookups import (
    KnownRate,
    KnownRates,
    Spread,
    chosen,
    moment_us,
)
from funding_platform.backtest.data.panel import (
    Panel,
    Predictions,
    build_panel,
    build_predictions,
    fingerprint,
    venue_order,
)
from funding_platform.backtest.errors import DataError, NoOverlapError
from funding_platform.core.frames import Frame


class FundingDataProvider:
    """Funding, prices, volumes, fees and features of some instruments over some time.

    Made by ``from_frames``; ``flows.backtests.data`` makes one from the lake or from files.
    """

    def __init__(self, data: Intake) -> None:
        self._data = data
        self._narrowed: tuple[object, FundingDataProvider] | None = None

    @classmethod
    def from_frames(
        cls,
        funding_rates: Frame,
        instruments: Frame | None = None,
        *,
        prices: Frame | None = None,
        snapshots: Frame | None = None,
        fees: Frame | None = None,
        features: Frame | None = None,
        coin_prices: Frame | None = None,
    ) -> Self:
        """Make a provider over frames with the platform's column names: Polars, pandas or Arrow.

        Times have a zone; any zone is converted to UTC.

        Rows name their instrument by ``venue`` and ``venue_symbol``, or by ``instrument``: its row
        among the ``instruments`` sorted by these two, which saves memory in long histories.

        Parameters
        ----------
        funding_rates
            ``venue``, ``venue_symbol``, ``funding_time``, ``funding_rate``; and where known
            ``interval_hours``, ``mark_price``, ``index_price``, ``available_at``. An interval that
            is null is taken as the time since the settlement before, if that is half a day at most;
            ``notes`` says where.
        instruments
            Columns of ``core.instruments``; needed are ``venue``, ``venue_symbol``, ``base``.
            ``contract_type`` may also be ``spot``; where it is ``quanto``, ``settle`` is the coin
            that it pays in. When None, the base of an instrument is its
            ``base`` column in ``funding_rates``, and all are linear with multiplier 1.
        prices
            ``venue``, ``venue_symbol``, ``time``, ``price``: closes, at the time they were known
            (the end of a candle); ``low`` and ``high`` of that candle, whose extremes liquidate;
            ``kind`` (mark, index, trade), trade where it is not said.
        snapshots
            Columns of ``core.market_snapshots``: more marks, 24-hour volumes, predicted rates.
        fees
            Columns of ``core.fee_schedules``.
        features
            ``venue``, ``venue_symbol``, ``available_at`` and one column per feature.
        coin_prices
            ``coin``, ``time``, ``price``: dollars per coin that a quanto contract pays in, as it
            became known. Without one such a contract cannot be valued, and is not opened.

        Raises
        ------
        DataError
            If what is given is no frame, a column is missing or of the wrong type, a time is null
            or without a zone, a key repeats, or a value cannot be: says which, where.
        """
        return cls(
            read_frames(
                funding_rates,
                instruments=instruments,
                prices=prices,
                snapshots=snapshots,
                fees=fees,
                features=features,
                coin_prices=coin_prices,
            )
        )

    @property
    def instruments(self) -> pl.DataFrame:
        """One row per instrument, by venue and symbol: row numbers are what strategies name."""
        return self._data.instruments

    @cached_property
    def venues(self) -> tuple[str, ...]:
        """Their venues in the order of ``panel.facts.venue``."""
        return tuple(venue_order(self._data.instruments))

    @property
    def fees(self) -> pl.DataFrame:
        """Columns of ``core.fee_schedules``."""
        return self._data.fees

    @property
    def features(self) -> pl.DataFrame:
        """``instrument``, ``available_at``, then one column per feature."""
        return self._data.features

    @property
    def funding_rates(self) -> pl.DataFrame:
        """All settlements, with ``instrument``, ``known_at`` and the columns given.

        With ``interval_inferred`` where some intervals were not given, and are the time since the
        settlement before.
        """
        return self._data.funding

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What was not given and had to be inferred, or is not known, in words."""
        return interval_notes(self._data.funding, self._data.instruments)

    def frames(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield everything, frame by frame, by the names that ``Intake`` gives them."""
        for part in fields(self._data):
            yield part.name, getattr(self._data, part.name)

    @cached_property
    def panel(self) -> Panel:
        """Everything as columns of numbers, for vectorised work and the engine."""
        data = self._data
        return build_panel(data.instruments, data.funding, data.prices, data.volumes, data.coins)

    @cached_property
    def predictions(self) -> Predictions:
        """Predicted rates by instrument, as they were shown."""
        return build_predictions(self._data.predictions, self._data.instruments.height)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all data, in hexadecimal."""
        more = (self._data.fees, self._data.features)
        return fingerprint(self.panel, self.predictions, self.instruments, more)

    @cached_property
    def _known(self) -> KnownRates:
        return KnownRates(self.instruments, self.panel.settlements)

    def load_data(
        self,
        start: datetime,
        end: datetime,
        venues: Collection[str] = (),
        symbols: Collection[str] = (),
        bases: Collection[str] = (),
    ) -> "FundingDataProvider":
        """Narrow the provider to a window and to some markets; empty means all.

        The window is closed on both sides. What was settled in it stays, however late it was known,
        and so does each instrument's newest volume before it. An instrument without any settlement
        or price in it is dropped. Where nothing falls away, it is this provider itself. The last
        answer is kept: many runs in a row ask for the same.

        Parameters
        ----------
        symbols
            Venue symbols or canonical bases.

        Raises
        ------
        UnknownInstrumentError
            If a venue, symbol or base is not in the data.
        DataError
            If a time has no zone, names are one string instead of several, or nothing is left.
        """
        for moment in (start, end):
            moment_us(moment)
        keep = chosen(self.instruments, venues, symbols, bases)
        asked = start, end, tuple(venues), tuple(symbols), tuple(bases)
        if self._narrowed is not None and self._narrowed[0] == asked:
            return self._narrowed[1]
        narrowed = self._data.narrowed(start, end, keep)
        if narrowed.instruments.is_empty():
            raise DataError(
                f"no settlement and no price between {start} and {end} of what was asked for",
                hint=f"the data has {', '.join(self.venues)}",
            )
        if narrowed is self._data:
            return self
        provider = FundingDataProvider(narrowed)
        self._narrowed = asked, provider
        return provider

    def require_pairs(self) -> None:
        """Refuse data in which nothing can be held against anything.

        Raises
        ------
        NoOverlapError
            If no asset has settlements on two venues over the same time.
        """
        series = self.panel.settlements
        have = np.flatnonzero(np.diff(series.first))
        spans = self.instruments[have].select(
            "venue",
            asset=self._known.assets.gather(have),
            begin=series.time_us[series.first[have]],
            end=series.time_us[series.first[have + 1] - 1],
        )
        pairs = spans.join(spans, on="asset").filter(
            pl.col("venue") < pl.col("venue_right"),
            pl.col("begin") <= pl.col("end_right"),
            pl.col("begin_right") <= pl.col("end"),
        )
        if pairs.is_empty():
            raise NoOverlapError(
                "no asset has settlements on two venues over the same time",
                hint=f"venues in the data: {', '.join(self.venues)}",
            )

    def get_funding_rate(self, time: datetime, venue: str, symbol: str) -> KnownRate | None:
        """Find the last rate known at ``time``, with its age; None where none was known yet.

        Parameters
        ----------
        symbol
            A venue symbol or a canonical base; of several contracts on one base, the one with
            most settlements known by then.

        Raises
        ------
        UnknownInstrumentError
            If the venue has no such instrument.
        """
        moment = moment_us(time)
        known = self._known
        counts = [(known.count(row, moment), -row) for row in known.rows_of(venue, symbol)]
        count, negative = max(counts)
        return known.last(-negative, count, time) if count else None

    def get_spread(self, time: datetime, venue1: str, venue2: str, symbol: str) -> Spread | None:
        """``rate_8h[venue2] - rate_8h[venue1]`` as known at ``time``: long the first venue.

        Of the contracts on one asset those with most settlements known by then. None where the
        venues have no asset in common, or a rate or an interval was not known yet.

        Raises
        ------
        UnknownInstrumentError
            If a venue does not have the symbol.
        """
        return self._known.spread(venue1, venue2, symbol, time)

    def get_best_spread(self, time: datetime, symbol: str) -> Spread | None:
        """Find the widest spread at ``time`` over all contracts on two venues; None without.

        Raises
        ------
        UnknownInstrumentError
            If no venue has the symbol.
        NoOverlapError
            If no two venues have it on one asset.
        """
        return self._known.widest_spread(symbol, time)
