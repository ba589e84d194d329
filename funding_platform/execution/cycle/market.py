"""The market as it is now, as a strategy sees it: a ``MarketView`` over frames that are handed in.

The frames come from the lake, the live board, or a test; here is only what a strategy may ask of
them. The strategy is the very object that a backtest asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import MICROSECOND, to_us
from funding_platform.core.units import rate_8h
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.strategies.contract import Bars
from funding_platform.strategies.errors import MissingDataError

STALE_AFTER: Final = timedelta(hours=26)
"""Age above which nothing of a market is shown: that of a backtest, ``outages.stale_after_hours``.
What is opened has to be fresher by far: see ``opportunities.max_age_minutes``."""

NEVER_US: Final = -(1 << 62)
"""When an instrument was seen that never was."""

MARKET: Final = pl.Schema(
    {
        "venue": pl.String(),
        "venue_symbol": pl.String(),
        "base": pl.String(),
        "asset": pl.String(),
        "contract_type": pl.String(),
        "rate": pl.Float64(),
        "interval_hours": pl.Float64(),
        "price": pl.Float64(),
        "predicted_rate": pl.Float64(),
        "predicted_interval_hours": pl.Float64(),
        "next_funding_time": UTC_TIME,
        "volume_24h_usd": pl.Float64(),
        "fee_bps": pl.Float64(),
        "half_spread_bps": pl.Float64(),
        "seen_at": UTC_TIME,
    }
)
"""One row per instrument. ``rate`` is settled, ``predicted_rate`` not yet; ``price`` is the mark
per canonical base; ``asset`` is null for what makes no pair; ``seen_at`` is the newest word."""

RATES: Final = pl.Schema(
    {
        "venue": pl.String(),
        "venue_symbol": pl.String(),
        "funding_time": UTC_TIME,
        "funding_rate": pl.Float64(),
    }
)
"""Settled rates, for strategies that look back."""


@dataclass(frozen=True)
class LatestMarket:
    """A ``MarketView`` of the newest word on every instrument.

    Parameters
    ----------
    instruments
        Columns of ``MARKET``, one row per instrument, by venue and symbol.
    time
        Now.
    rates
        Columns of ``RATES``, in any order; none where nothing looks back.
    features
        The key of an instrument and a column per feature; none where no strategy asks.
    stale_after
        Age above which neither rate nor price of an instrument is shown.
    """

    instruments: pl.DataFrame
    time: datetime
    rates: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RATES))
    features: pl.DataFrame | None = None
    stale_after: timedelta = STALE_AFTER

    @cached_property
    def time_us(self) -> int:
        """Now, in microseconds since the epoch."""
        return to_us(self.time)

    @cached_property
    def seen_us(self) -> Ints:
        """When each was seen last, in microseconds since the epoch; ``NEVER_US`` if never."""
        seen = self.instruments["seen_at"].dt.epoch("us").fill_null(NEVER_US)
        return np.asarray(seen.to_numpy(), dtype=np.int64)

    @cached_property
    def tradable(self) -> Flags:
        """Which were seen recently enough."""
        return self.seen_us >= self.time_us - self.stale_after // MICROSECOND

    @cached_property
    def rate(self) -> Floats:
        """Last settled rate, fraction per funding interval."""
        return np.where(self.tradable, self._column("rate"), np.nan)

    @cached_property
    def interval_hours(self) -> Floats:
        """Hours that ``rate`` pays for."""
        return self._column("interval_hours")

    @cached_property
    def rate_8h(self) -> Floats:
        """``rate`` scaled to eight hours."""
        return rate_8h(self.rate, self.interval_hours)

    @cached_property
    def predicted_rate(self) -> Floats:
        """Rate that each venue predicted last, fraction per funding interval."""
        return self._column("predicted_rate")

    @cached_property
    def predicted_rate_8h(self) -> Floats:
        """``predicted_rate`` scaled to eight hours."""
        return rate_8h(self.predicted_rate, self._column("predicted_interval_hours"))

    @cached_property
    def price(self) -> Floats:
        """Last price, per canonical base."""
        return np.where(self.tradable, self._column("price"), np.nan)

    @cached_property
    def volume_24h_usd(self) -> Floats:
        """Turnover of 24 hours, as last known."""
        return self._column("volume_24h_usd")

    @cached_property
    def fee_bps(self) -> Floats:
        """Fee of one fill."""
        return self._column("fee_bps")

    @cached_property
    def fill_cost_bps(self) -> Floats:
        """Fee and half-spread of one fill, before impact."""
        return self.fee_bps + self._column("half_spread_bps")

    @cached_property
    def spot(self) -> Flags:
        """Which are spot, and have no funding."""
        return np.asarray((self.instruments["contract_type"] == "spot").to_numpy(), dtype=np.bool_)

    @cached_property
    def base(self) -> Ints:
        """A number for the asset of each; one of its own for what makes no pair."""
        own = pl.concat_str(INSTRUMENT_KEY, separator="\0")
        return _codes(self.instruments.select(pl.coalesce("asset", own)).to_series())

    @cached_property
    def venue(self) -> Ints:
        """A number for the venue of each."""
        return _codes(self.instruments["venue"])

    @cached_property
    def by_base(self) -> tuple[Ints, Ints]:
        """Instruments in the order of their bases, and where each base begins, with the end."""
        order = np.argsort(self.base, kind="stable")
        count = int(self.base.max()) + 1 if len(order) else 0
        return order, np.searchsorted(self.base[order], np.arange(count + 1))

    @cached_property
    def legs(self) -> tuple[InstrumentRef, ...]:
        """The instruments by name, in the order of their rows."""
        return tuple(
            InstrumentRef(*key) for key in self.instruments.select(INSTRUMENT_KEY).iter_rows()
        )

    @cached_property
    def row(self) -> Mapping[InstrumentRef, int]:
        """Rows by instrument."""
        return {leg: number for number, leg in enumerate(self.legs)}

    def index(self, venue: str, venue_symbol: str) -> int:
        """Return the row of an instrument; raise ``MissingDataError`` where there is none."""
        try:
            return self.row[InstrumentRef(venue, venue_symbol)]
        except KeyError:
            raise MissingDataError(f"the market has no {venue} {venue_symbol}") from None

    def feature(self, name: str) -> Floats:
        """Return the newest known values of a feature; raise ``MissingDataError`` without it."""
        if self.features is None or name not in self.features.columns:
            raise MissingDataError(f"the market has no feature {name!r}")
        mine = self.instruments.select(INSTRUMENT_KEY)
        joined = mine.join(
            self.features.select(*INSTRUMENT_KEY, name),
            on=INSTRUMENT_KEY,
            how="left",
            maintain_order="left",
        )
        return _floats(joined[name])

    def past_prices(self, instrument: int, count: int) -> Bars:
        """Return the last price, which is all that is known here of the past."""
        known = count > 0 and bool(np.isfinite(self.price[instrument]))
        rows = [instrument] if known else []
        unknown = np.full(len(rows), np.nan)
        return Bars(self.seen_us[rows], unknown, unknown.copy(), self.price[rows])

    def past_rates(self, instrument: int, count: int) -> Floats:
        """Return the last known rates of an instrument, newest last; fewer where there are."""
        known = self._past_rates.get(self.legs[instrument], np.empty(0))
        return known[len(known) - min(count, len(known)) :].copy()

    @cached_property
    def _past_rates(self) -> Mapping[InstrumentRef, Floats]:
        ordered = self.rates.sort(*INSTRUMENT_KEY, "funding_time")
        return {
            InstrumentRef(*map(str, key)): _floats(rows["funding_rate"])
            for key, rows in ordered.partition_by(
                *INSTRUMENT_KEY, as_dict=True, maintain_order=True
            ).items()
        }

    def _column(self, name: str) -> Floats:
        return _floats(self.instruments[name])


def market_frame(rows: pl.DataFrame, held: Iterable[InstrumentRef] = ()) -> pl.DataFrame:
    """Lay rows out as ``MARKET``: in order, and with a row for everything that is held.

    What is held and not among the rows is known by name only: it can neither be valued nor traded,
    and must still be closed.
    """
    known = rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None).alias(name) for name in MARKET
    ).cast(MARKET)
    names = pl.DataFrame(
        [(leg.venue, leg.venue_symbol) for leg in dict.fromkeys(held)],
        schema=pl.Schema({name: pl.String() for name in INSTRUMENT_KEY}),
        orient="row",
    )
    lost = names.join(known, on=INSTRUMENT_KEY, how="anti")
    return pl.concat([known, lost], how="diagonal").sort(INSTRUMENT_KEY)


def _floats(column: pl.Series) -> Floats:
    return np.asarray(column.cast(pl.Float64).fill_null(np.nan).to_numpy(), dtype=np.float64)


def _codes(names: pl.Series) -> Ints:
    return np.asarray((names.rank("dense") - 1).to_numpy(), dtype=np.int64)
