"""Does an adapter read back from the sandbox exactly what the market behind it holds?

For venues that publish a rate per funding interval. One that publishes something else converts it,
and its own tests say how.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final, NamedTuple

import polars as pl

from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import VenueError
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import open_venue

NOW: Final = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
"""The present of the market, and of the adapter."""

WINDOW: Final = Window(datetime(2025, 11, 3, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC))
SYMBOLS: Final = 6
"""Symbols whose history is read: enough that they differ in interval and age."""


class Collected(NamedTuple):
    """All that an adapter gave."""

    instruments: pl.DataFrame
    snapshot: pl.DataFrame
    history: History
    warnings: list[VenueError]


def check_against_sandbox(name: str) -> None:
    """Check that all that a venue's adapter collects is what the market behind it holds.

    Parameters
    ----------
    name
        A registered venue with a wire in the sandbox.

    Raises
    ------
    AssertionError
        Naming the first symbol that differs, and how.
    """
    market = build_market(symbols=30, seed=5, now=NOW)
    with running_sandbox(market) as sandbox:
        check_served(name, market, sandbox)


def check_served(name: str, market: Market, sandbox: RunningSandbox) -> None:
    """Check the same of a market whose present is ``NOW``, and a sandbox that serves it."""
    collected = asyncio.run(collect(sandbox, name))
    _check_instruments(collected, market, name)
    _check_snapshot(collected.snapshot, market, name)
    _check_history(collected.history, market, name)
    assert not collected.warnings, f"it warned: {collected.warnings}"


async def collect(sandbox: RunningSandbox, name: str) -> Collected:
    """Ask for everything that a venue with a history offers."""
    settings = Settings(rate_limit_scale=1_000)
    async with open_venue(
        name, sandbox.url_of(name), settings=settings, clock=lambda: NOW
    ) as venue:
        instruments = await venue.instruments()
        return Collected(
            instruments,
            await venue.market_snapshot(),
            await venue.funding_history(instruments["venue_symbol"][:SYMBOLS], WINDOW),
            venue.warnings,
        )


def _check_instruments(collected: Collected, market: Market, name: str) -> None:
    trading = set(collected.instruments.filter(status="trading")["venue_symbol"])
    quoted = set(collected.snapshot["venue_symbol"])
    expected = set(market.quotes(name))
    assert trading == expected, f"instruments differ: {sorted(trading ^ expected)}"
    assert quoted == expected, f"symbols of the snapshot differ: {sorted(quoted ^ expected)}"


def _check_snapshot(snapshot: pl.DataFrame, market: Market, name: str) -> None:
    quotes = market.quotes(name)
    for row in snapshot.to_dicts():
        symbol = row["venue_symbol"]
        quote = quotes[symbol]
        _same(symbol, "predicted_rate", row["predicted_rate"], quote.predicted_rate, 1e-12)
        _same(symbol, "mark_price", row["mark_price"], quote.mark, 1e-3)
        _same(symbol, "interval_hours", row["interval_hours"], quote.interval_hours)
        assert quote.next_funding_ms is not None
        expected = from_ms(quote.next_funding_ms)
        _same(symbol, "next_funding_time", row["next_funding_time"], expected)


def _check_history(history: History, market: Market, name: str) -> None:
    assert not history.failures, f"histories failed: {history.failures}"
    for symbol, coverage in history.coverage.items():
        known = market.settlements(name, symbol)
        inside = (known.times_ms >= to_ms(WINDOW.start)) & (known.times_ms < to_ms(WINDOW.end))
        found = history.frame.filter(venue_symbol=symbol)
        times = found["venue_time"].dt.epoch("ms").to_list()
        _same(symbol, "times of settlements", times, known.times_ms[inside].tolist())
        _same(symbol, "rates", found["funding_rate"].to_list(), known.rates[inside].tolist())
        assert coverage.proven, f"{symbol}: its history is not proven to be whole"


def _same(
    symbol: str, what: str, found: object, expected: object, tolerance: float | None = None
) -> None:
    """Compare a value with the market's, exactly or within a share of it."""
    if tolerance is not None and isinstance(found, float) and isinstance(expected, float):
        equal = abs(found - expected) <= tolerance * abs(expected)
    else:
        equal = found == expected
    assert equal, f"{symbol}: {what} is {found!r}, the market has {expected!r}"
