"""Questions to a provider, checked; and what was known at an instant, with how old it was."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations, product

import numpy as np
import polars as pl

from funding_platform.backtest.data.contracts import few
from funding_platform.backtest.data.panel import Settlements
from funding_platform.backtest.errors import DataError, NoOverlapError, UnknownInstrumentError
from funding_platform.core.market.asset_classes import asset_key
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.time_grid import from_us, to_us
from funding_platform.core.units import rate_8h

_MOST_SHOWN = 12


def moment_us(time: datetime) -> int:
    """Express an instant in microseconds.

    Raises
    ------
    DataError
        If it is no time, or one without a zone.
    """
    if not isinstance(time, datetime):
        raise DataError(f"{time!r} is a {type(time).__name__}, not a time", hint="use datetime")
    if time.tzinfo is None:
        raise DataError(f"the time {time} has no zone", hint="use UTC")
    return to_us(time)


def require_known(name: str, wanted: Collection[str], known: Collection[str]) -> None:
    """Raise over names that the data does not have."""
    if missing := sorted(set(wanted) - set(known)):
        shown = ", ".join(sorted(known)[:_MOST_SHOWN])
        raise UnknownInstrumentError(
            f"the data has no {name} {', '.join(map(repr, missing))}",
            hint=f"it has {shown}{', …' if len(known) > _MOST_SHOWN else ''}",
        )


def chosen(
    instruments: pl.DataFrame,
    venues: Collection[str],
    symbols: Collection[str],
    bases: Collection[str],
) -> pl.Expr:
    """Tell whether an instrument is one of those asked for; of names of a kind none means all.

    Raises
    ------
    UnknownInstrumentError
        If a venue, symbol or base is not in the data.
    DataError
        If names are one string, whose letters would be taken for names.
    """
    keep = pl.lit(True)
    for name, wanted, columns in (
        ("venue", venues, ("venue",)),
        ("symbol", symbols, ("venue_symbol", "base")),
        ("base", bases, ("base",)),
    ):
        if isinstance(wanted, str):
            raise DataError(f"{name}s is the string {wanted!r}", hint=f"a list: [{wanted!r}]")
        require_known(name, wanted, {one for column in columns for one in instruments[column]})
        if wanted:
            keep &= pl.any_horizontal(pl.col(column).is_in(list(wanted)) for column in columns)
    return keep


@dataclass(frozen=True, slots=True)
class KnownRate:
    """The last settled rate that was known at an instant, and how old it was then."""

    venue: str
    venue_symbol: str
    funding_rate: float
    interval_hours: float | None
    funding_time: datetime
    age: timedelta

    @property
    def rate_8h(self) -> float | None:
        """The rate scaled to eight hours; None where the interval is unknown."""
        if self.interval_hours is None:
            return None
        return rate_8h(self.funding_rate, self.interval_hours)


@dataclass(frozen=True, slots=True)
class Spread:
    """``short.rate_8h - long.rate_8h``: what the pair earns per eight hours, before costs."""

    long: KnownRate
    short: KnownRate
    spread_8h: float


def spread_of(long: KnownRate | None, short: KnownRate | None) -> Spread | None:
    """Compute the spread of two rates; None where one, or its interval, is unknown."""
    if long is None or short is None or long.rate_8h is None or short.rate_8h is None:
        return None
    return Spread(long, short, short.rate_8h - long.rate_8h)


class KnownRates:
    """Settlements of instruments, asked for what was known of them when.

    Parameters
    ----------
    instruments
        One row per instrument, by venue and symbol.
    settlements
        Theirs, by row number.
    """

    def __init__(self, instruments: pl.DataFrame, settlements: Settlements) -> None:
        self._instruments = instruments
        self._settlements = settlements

    @cached_property
    def assets(self) -> pl.Series:
        """The asset that each instrument is on: contracts on different ones make no pair."""
        return self._instruments.select(asset_key().alias("asset")).to_series()

    def rows_of(self, venue: str, symbol: str) -> list[int]:
        """Return the row numbers of a venue's contracts by venue symbol, else by base."""
        rows = self._by_name.get((venue, symbol))
        if rows is None:
            require_known("venue", (venue,), set(self._instruments["venue"]))
            of_venue = self._instruments.filter(pl.col("venue") == venue)
            require_known(f"symbol on {venue}", (symbol,), set(of_venue["venue_symbol"]))
            raise UnknownInstrumentError(f"{venue} has no {symbol!r}")
        return rows

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[int]]:
        """Rows by venue and base, then by venue and symbol, which wins."""
        by_name: dict[tuple[str, str], list[int]] = {}
        for row, venue, base in self._instruments.select("venue", "base").with_row_index().rows():
            by_name.setdefault((venue, base), []).append(row)
        for row, venue, symbol in self._instruments.select(INSTRUMENT_KEY).with_row_index().rows():
            by_name[venue, symbol] = [row]
        return by_name

    def count(self, row: int, moment: int) -> int:
        """Count the settlements of an instrument that were known at an instant."""
        first = self._settlements.first
        known = self._settlements.known_us[first[row] : first[row + 1]]
        return int(np.searchsorted(known, moment, side="right"))

    def last(self, row: int, count: int, time: datetime) -> KnownRate:
        """Return the last of so many known settlements of an instrument, with its age."""
        series = self._settlements
        last = series.first[row] + count - 1
        settled = from_us(int(series.time_us[last]))
        hours = float(series.interval_hours[last])
        venue, symbol = self._instruments.select(INSTRUMENT_KEY).row(row)
        return KnownRate(
            venue=venue,
            venue_symbol=symbol,
            funding_rate=float(series.rate[last]),
            interval_hours=None if np.isnan(hours) else hours,
            funding_time=settled,
            age=time - settled,
        )

    def spread(self, venue1: str, venue2: str, symbol: str, time: datetime) -> Spread | None:
        """Compute the spread of two venues' contracts on one asset, as ``get_spread`` does."""
        moment = moment_us(time)
        counted = [
            ([self.count(row, moment) for row in pair], pair)
            for pair in product(self.rows_of(venue1, symbol), self.rows_of(venue2, symbol))
            if self.assets[pair[0]] == self.assets[pair[1]]
        ]
        if not counted:
            return None
        counts, pair = max(counted, key=lambda one: (min(one[0]), sum(one[0])))
        if not min(counts):
            return None
        return spread_of(*(self.last(*one, time) for one in zip(pair, counts, strict=True)))

    def widest_spread(self, symbol: str, time: datetime) -> Spread | None:
        """Find the widest spread between two venues, as ``get_best_spread`` does."""
        moment = moment_us(time)
        named = (pl.col("base") == symbol) | (pl.col("venue_symbol") == symbol)
        contracts = self._instruments.with_columns(self.assets).with_row_index().filter(named)
        if contracts.is_empty():
            known = {*self._instruments["base"], *self._instruments["venue_symbol"]}
            require_known("symbol", (symbol,), known)
        if contracts.group_by("asset").agg(pl.col("venue").n_unique())["venue"].max() == 1:
            raise NoOverlapError(
                f"no two venues have {symbol!r} on one asset", hint=f"on {few(contracts['venue'])}"
            )
        known_rates = (
            (asset, self.last(row, count, time))
            for row, asset in contracts.select("index", "asset").iter_rows()
            if (count := self.count(row, moment))
        )
        stated = [
            (asset, one, one.rate_8h) for asset, one in known_rates if one.rate_8h is not None
        ]
        stated.sort(key=lambda one: one[2])
        spreads = [
            Spread(long, short, high - low)
            for (asset, long, low), (other, short, high) in combinations(stated, 2)
            if asset == other and long.venue != short.venue
        ]
        return max(spreads, key=lambda spread: spread.spread_8h, default=None)
