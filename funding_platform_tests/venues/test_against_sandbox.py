"""Every registered venue reads back from the sandbox exactly what the market behind it holds."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.sandbox.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import VenueError
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import open_venue, venue_names, venue_spec

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
WINDOW = Window(datetime(2025, 11, 3, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC))
SYMBOLS = 6

OF_THEIR_OWN = {"deribit", "paradex", "drift"}
"""Venues that publish another quantity than the rate per interval: their own tests convert it."""

with_history = [
    name
    for name in venue_names()
    if FUNDING_RATES in venue_spec(name).offers and name not in OF_THEIR_OWN
]


class Collected(NamedTuple):
    instruments: pl.DataFrame
    snapshot: pl.DataFrame
    history: History
    warnings: list[VenueError]


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(symbols=30, seed=5, now=NOW)


@pytest.fixture(scope="module")
def sandbox(market: Market) -> Iterator[RunningSandbox]:
    with running_sandbox(market) as running:
        yield running


def collect(sandbox: RunningSandbox, venue: str) -> Collected:
    async def run() -> Collected:
        settings = Settings(rate_limit_scale=1_000)
        url = sandbox.url_of(venue)
        async with open_venue(venue, url, settings=settings, clock=lambda: NOW) as opened:
            instruments = await opened.instruments()
            return Collected(
                instruments,
                await opened.market_snapshot(),
                await opened.funding_history(instruments["venue_symbol"][:SYMBOLS], WINDOW),
                opened.warnings,
            )

    return asyncio.run(run())


@pytest.mark.parametrize("venue", with_history)
def test_what_is_collected_is_what_the_market_holds(
    sandbox: RunningSandbox, market: Market, venue: str
) -> None:
    instruments, snapshot, history, warnings = collect(sandbox, venue)
    quotes = market.quotes(venue)
    trading = instruments.filter(status="trading")["venue_symbol"]
    assert set(trading) == set(snapshot["venue_symbol"]) == set(quotes)
    for row in snapshot.to_dicts():
        quote = quotes[row["venue_symbol"]]
        assert row["predicted_rate"] == pytest.approx(quote.predicted_rate, rel=1e-12)
        assert row["interval_hours"] == quote.interval_hours
        assert row["mark_price"] == pytest.approx(quote.mark, rel=1e-3)
        assert quote.next_funding_ms is not None
        assert row["next_funding_time"] == from_ms(quote.next_funding_ms)
    assert (history.failures, warnings) == ({}, [])
    for symbol, coverage in history.coverage.items():
        known = market.settlements(venue, symbol)
        inside = (known.times_ms >= to_ms(WINDOW.start)) & (known.times_ms < to_ms(WINDOW.end))
        found = history.frame.filter(venue_symbol=symbol)
        assert found["venue_time"].dt.epoch("ms").to_list() == known.times_ms[inside].tolist()
        assert found["funding_rate"].to_list() == known.rates[inside].tolist()
        assert coverage.proven
