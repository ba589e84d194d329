"""Collecting rows by the hour: candles of perpetuals and of spot markets, and open interest."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import polars as pl

from funding_platform.core.tables.prices import (
    OPEN_INTEREST,
    PRICE_CANDLES,
    PRICING_ORDER,
    SPOT_CANDLES,
)
from funding_platform.core.time_grid import Window
from funding_platform.flows.collection.history.hour_gaps import (
    Read,
    completed_hours,
    with_held,
)
from funding_platform.flows.collection.history.report import HistoryReport
from funding_platform.flows.collection.history.spans import listed_in
from funding_platform.flows.collection.history.storing import store
from funding_platform.flows.collection.recording import Recording
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake
from funding_platform.venues.contract import Venue
from funding_platform.venues.parsing.candles import dollar_markets
from funding_platform.venues.parsing.hourly import HourlyHistory

HOURLY_TABLES: Final = (PRICE_CANDLES, SPOT_CANDLES, OPEN_INTEREST)
"""Tables that are collected by month, beside settled rates."""

_BASES: Final = "SELECT DISTINCT base FROM core.instruments"


async def collect_hours(
    report: HistoryReport,
    venue: Venue,
    instruments: pl.DataFrame,
    window: Window,
    lake: Lake,
    recording: Recording,
) -> None:
    """Fetch one stretch of the window and replace it, one kind of prices after the other.

    Parameters
    ----------
    instruments
        Every perpetual known of the venue. Spot markets are those of their bases, and of the bases
        that the lake knows of other venues, against a dollar.
    """
    if report.table is SPOT_CANDLES:
        symbols = await _spot_markets(venue, instruments, lake)
    else:
        symbols = listed_in(instruments, window)
    kinds: Sequence[str | None] = [None]
    if report.table is PRICE_CANDLES:
        kinds = wanted_kinds(venue.spec.candle_kinds, lake.settings.candle_kinds)
    for kind in kinds if symbols else ():
        until = window.end if kind == kinds[-1] else window.start
        await _collect_kind(report, venue, symbols, window, kind, lake, recording, until)


def wanted_kinds(offered: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Choose the kinds to collect of those offered; the best where none of them is wanted."""
    preferred = [kind for kind in PRICING_ORDER if kind in offered]
    return [kind for kind in offered if kind in wanted] or preferred[:1]


async def _collect_kind(
    report: HistoryReport,
    venue: Venue,
    symbols: Sequence[str],
    window: Window,
    kind: str | None,
    lake: Lake,
    recording: Recording,
    until: datetime,
) -> None:
    what = f"{kind} prices" if kind else report.table.name.replace("_", " ")
    advance = begin(f"{report.venue} {what} {window.start:%Y-%m}", len(symbols))

    def done(_: str) -> None:
        advance()
        recording.relieve(lake)

    first = await _read(venue, report, kind, symbols, window, done)
    again: Read = partial(_read, venue, report, kind)
    whole = await completed_hours(again, first, report.table, window)
    equal = {"venue": report.venue} | ({"kind": kind} if kind else {})
    whole = with_held(lake, report.table, whole, window, **equal)
    recording.attempt.requests = venue.stats.requests
    store(report, lake, whole, window, equal, recording, called=report.table.name, until=until)
    report.add(whole)


async def _read(
    venue: Venue,
    report: HistoryReport,
    kind: str | None,
    symbols: Sequence[str],
    window: Window,
    done: Callable[[str], None] = lambda _: None,
) -> HourlyHistory:
    """Ask the venue for some symbols' hours."""
    if report.table is SPOT_CANDLES:
        return await venue.spot_candle_history(symbols, window, on_symbol=done)
    if report.table is OPEN_INTEREST:
        return await venue.open_interest_history(symbols, window, on_symbol=done)
    assert kind is not None
    return await venue.candle_history(symbols, window, kind, on_symbol=done)


async def _spot_markets(venue: Venue, instruments: pl.DataFrame, lake: Lake) -> list[str]:
    """List the venue's markets against a dollar, of the bases that there are perpetuals of."""
    bases = {*instruments["base"], *lake.read(_BASES)["base"]}
    by_base = dollar_markets(await venue.spot_markets())
    return sorted(market for base, market in by_base.items() if base in bases)
