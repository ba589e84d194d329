"""What a paper account that stands for a real venue trades against: the live board and the lake.

Best prices and marks are the collector's, depth, order limits, settlements and fees the lake's,
each read anew when it may have changed. What is not known is None, and then nothing trades: no
collector, no book.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.core.market.order_units import ORDER_UNIT_SQL
from funding_platform.core.symbols import is_dollar
from funding_platform.core.system.clock import Clock
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH, REACHES_BPS
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.fees import BASE_TIER, FEE_HISTORY
from funding_platform.core.trading import FeeRates, InstrumentLimits
from funding_platform.core.trading.payoffs import TRADED
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.execution.paper.board import BoardQuote, MeasuredDepth
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import BOARD, read_latest
from funding_platform.flows.queries.trading.fees import fees_at
from funding_platform.lake import connect
from funding_platform.lake.connection import has_table
from funding_platform.paper import Settlement
from funding_platform.settings import Settings

QUOTES_SECONDS: Final = 1.0
"""How long quotes are good for: the collector hands them out once a second."""

FACTS_SECONDS: Final = 60.0
"""The same of what the lake knows."""

FEES_SECONDS: Final = 1.0
"""The same of fees: one that is set by hand is in force at once."""

DEPTH_AGE: Final = timedelta(hours=2)
"""Depth is measured hourly; one measurement may be missed."""

SETTLED_WITHIN: Final = timedelta(days=3)
"""How far back settlements are read: history is refreshed thrice a day."""

_LISTED: Final = f"""
SELECT venue, venue_symbol, quote, multiplier,
    coalesce({ORDER_UNIT_SQL}, 1) AS order_unit, contract_type, tick_size, min_size, status
FROM {INSTRUMENTS.full_name} WHERE contract_type = ANY($traded) AND venue = ANY($venues)
    AND (contract_type <> 'inverse' OR contract_size IS NOT NULL)
"""
_DEPTH: Final = f"""
SELECT * FROM {ORDER_BOOK_DEPTH.full_name}
WHERE venue = ANY($venues) AND observed_at >= $since
QUALIFY row_number() OVER (PARTITION BY venue, venue_symbol ORDER BY observed_at DESC) = 1
"""
_SETTLED: Final = f"""
SELECT venue, venue_symbol, funding_time, funding_rate, coalesce(mark_price, index_price) AS mark
FROM {FUNDING_RATES.full_name} JOIN wanted USING (venue, venue_symbol)
WHERE funding_time >= $since ORDER BY funding_time
"""


@dataclass(slots=True)
class LiveMarket:
    """All venues at once, read when it may have changed.

    Parameters
    ----------
    settings
        Say where the lake and the collector's frames are.
    venues
        Those that are traded on.
    clock
        The time that what was read gets old in.
    """

    settings: Settings
    venues: Sequence[str]
    clock: Clock
    limits: Mapping[InstrumentRef, InstrumentLimits] = field(default_factory=dict)
    units: Mapping[InstrumentRef, Decimal] = field(default_factory=dict)
    depths: Mapping[InstrumentRef, MeasuredDepth] = field(default_factory=dict)
    settled: dict[InstrumentRef, list[Settlement]] = field(default_factory=dict)
    asked: set[InstrumentRef] = field(default_factory=set)
    _cells: Mapping[InstrumentRef, Mapping[str, Any]] = field(default_factory=dict)
    _fees: Mapping[str, FeeRates] = field(default_factory=dict)
    _quotes_until: float = float("-inf")
    _fees_until: float = float("-inf")
    _facts_until: float = float("-inf")

    def quote(self, ref: InstrumentRef) -> BoardQuote | None:
        """Return the best prices, per canonical base; None where they are not known."""
        self._read_quotes()
        self.read_facts()
        cell, unit = self._cells.get(ref), self.units.get(ref)
        if cell is None or unit is None or None in (cell["best_bid"], cell["best_ask"]):
            return None
        mark = cell["mark_price"]
        return BoardQuote(
            bid=_exact(cell["best_bid"]) / unit,
            ask=_exact(cell["best_ask"]) / unit,
            seen_at=cell["observed_at"],
            mark=None if mark is None else _exact(mark) / unit,
        )

    def settlements(self, ref: InstrumentRef, since: datetime, until: datetime) -> list[Settlement]:
        """Return what was settled after ``since`` and not after ``until``, as far as collected."""
        if ref not in self.asked:
            self.asked.add(ref)
            self._facts_until = float("-inf")
        self.read_facts()
        return [one for one in self.settled.get(ref, ()) if since < one.settled_at <= until]

    def fees(self, venue: str) -> FeeRates | None:
        """Return what a fill costs a new account now, as the marts say; None where they do not."""
        if self.clock.timer() >= self._fees_until:
            with connect(self.settings) as lake:
                self._fees = _base_fees(lake, self.clock.now())
            self._fees_until = self.clock.timer() + FEES_SECONDS
        return self._fees.get(venue)

    def read_facts(self) -> None:
        """Read limits, depth and settlements, where what is known of them is old."""
        if self.clock.timer() < self._facts_until:
            return
        now, venues = self.clock.now(), list(self.venues)
        wanted = pl.DataFrame(
            [(ref.venue, ref.venue_symbol) for ref in self.asked],
            schema={"venue": pl.String, "venue_symbol": pl.String},
            orient="row",
        )
        with connect(self.settings) as lake:
            lake.register("wanted", wanted)
            listed = lake.execute(_LISTED, {"venues": venues, "traded": list(TRADED)}).pl()
            depth = {"venues": venues, "since": now - DEPTH_AGE}
            measured = lake.execute(_DEPTH, depth).pl()
            settled = lake.execute(_SETTLED, {"since": now - SETTLED_WITHIN}).pl()
        rows = [row for row in listed.iter_rows(named=True) if is_dollar(row["quote"])]
        self.units = {_ref(row): _exact(row["multiplier"]) for row in rows}
        self.limits = {_ref(row): limits for row in rows if (limits := _limits_of(row)) is not None}
        self.depths = {_ref(row): _depth_of(row) for row in measured.iter_rows(named=True)}
        self.settled = {}
        for row in settled.iter_rows(named=True):
            if row["mark"] is not None and (unit := self.units.get(_ref(row))) is not None:
                self.settled.setdefault(_ref(row), []).append(
                    Settlement(
                        settled_at=row["funding_time"],
                        rate=_exact(row["funding_rate"]),
                        mark=_exact(row["mark"]) / unit,
                    )
                )
        self._facts_until = self.clock.timer() + FACTS_SECONDS

    def _read_quotes(self) -> None:
        if self.clock.timer() < self._quotes_until:
            return
        self._quotes_until = self.clock.timer() + QUOTES_SECONDS
        try:
            board = read_latest(self.settings, BOARD).frames.get(BOARD)
        except NotLiveError:
            board = None
        rows = [] if board is None else board.iter_rows(named=True)
        self._cells = {_ref(row): row for row in rows}


@dataclass(frozen=True, slots=True)
class VenueBoard:
    """One venue of it: a ``Board`` of ``execution.paper``."""

    market: LiveMarket
    venue: str

    def quote(self, symbol: str) -> BoardQuote | None:
        """Return the best prices as they were last seen; None where they never were."""
        return self.market.quote(InstrumentRef(self.venue, symbol))

    def depth(self, symbol: str) -> MeasuredDepth | None:
        """Return the depth that was last measured; None where it is not known, or too old."""
        self.market.read_facts()
        return self.market.depths.get(InstrumentRef(self.venue, symbol))

    def limits(self, symbol: str) -> InstrumentLimits | None:
        """Return what orders must be; None where that is not known, or it is not listed."""
        self.market.read_facts()
        return self.market.limits.get(InstrumentRef(self.venue, symbol))

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        """Return what was settled after ``since`` and not after ``until``, in order."""
        return self.market.settlements(InstrumentRef(self.venue, symbol), since, until)


def _base_fees(lake: DuckDBPyConnection, now: datetime) -> dict[str, FeeRates]:
    """Return the fees that new accounts pay, by venue; nothing where dbt has not run."""
    if not has_table(lake, FEE_HISTORY):
        return {}
    return {
        row["venue"]: FeeRates(
            maker_bps=_exact(row["maker_bps"]), taker_bps=_exact(row["taker_bps"])
        )
        for row in fees_at(lake, now).filter(tier=BASE_TIER).iter_rows(named=True)
        if None not in (row["maker_bps"], row["taker_bps"])
    }


def _limits_of(row: Mapping[str, Any]) -> InstrumentLimits | None:
    """Return what orders must be; None where a step is not known."""
    if not row["tick_size"] or not row["min_size"]:
        return None
    unit, kind = _exact(row["multiplier"]), row["contract_type"]
    step = _exact(row["min_size"]) * _exact(row["order_unit"])
    step *= 1 if kind == "inverse" else unit  # dollars, whatever the coin's unit is
    return InstrumentLimits(
        venue_symbol=row["venue_symbol"],
        quantity_step=step,
        price_step=_exact(row["tick_size"]) / unit,
        min_quantity=step,
        trading=row["status"] == "trading",
        contract_type=kind,
    )


def _depth_of(row: Mapping[str, Any]) -> MeasuredDepth:
    sides = {
        side: {
            Decimal(reach): _exact(usd)
            for reach in REACHES_BPS
            if (usd := row[f"{side}_within_{reach}bps_usd"]) is not None
        }
        for side in ("bid", "ask")
    }
    return MeasuredDepth(bid_usd=sides["bid"], ask_usd=sides["ask"])


def _ref(row: Mapping[str, Any]) -> InstrumentRef:
    return InstrumentRef(row["venue"], row["venue_symbol"])


def _exact(number: float) -> Decimal:
    """Return the decimal that a float is the nearest one to, as everybody would write it."""
    return Decimal(repr(float(number)))
