"""What ccxt brings through time, and order books: as the native adapter does, but for volumes."""

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest

from funding_platform.core.time_grid import Window
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform_tests.venues.adapters.bridged import (
    NOW,
    settling_every,
    unified,
    with_venue,
)

pytest.importorskip("ccxt")


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(symbols=60, seed=11, now=NOW)


@pytest.fixture(scope="module")
def sandbox(market: Market) -> Iterator[RunningSandbox]:
    with running_sandbox(market) as running:
        yield running


SEASON = Window(datetime(2025, 11, 3, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("kind", ["mark", "index", "trade"])
def test_bars_come_as_the_native_adapter_brings_them(
    sandbox: RunningSandbox, market: Market, settings: Settings, kind: str
) -> None:
    """But for volumes, of which ccxt does not say in what they are."""
    names = {unified(i): i.venue_symbol for i in settling_every(market, 8)[:3]}
    bridged, _ = with_venue(sandbox, settings, lambda v: v.candle_history(names, SEASON, kind))
    native, _ = with_venue(
        sandbox, settings, lambda v: v.candle_history(names.values(), SEASON, kind), "binance"
    )
    ours = bridged.frame.with_columns(pl.col("venue_symbol").replace_strict(names))
    columns = ("venue_symbol", "kind", "open_time", "open", "high", "low", "close", "available_at")
    assert ours.height == 3 * 94 * 24
    assert ours.select(columns).sort(columns).equals(native.frame.select(columns).sort(columns))
    assert ours["volume_base"].null_count() == ours["volume_usd"].null_count() == ours.height
    assert all(coverage.proven for coverage in bridged.coverage.values())


def test_open_interest_comes_as_the_native_adapter_brings_it(
    sandbox: RunningSandbox, market: Market, settings: Settings
) -> None:
    names = {unified(i): i.venue_symbol for i in settling_every(market, 8)[:2]}
    week = Window(datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 2, 27, tzinfo=UTC))
    bridged, _ = with_venue(sandbox, settings, lambda v: v.open_interest_history(names, week))
    native, _ = with_venue(
        sandbox, settings, lambda v: v.open_interest_history(names.values(), week), "binance"
    )
    ours = bridged.frame.with_columns(pl.col("venue_symbol").replace_strict(names))
    columns = ("venue_symbol", "time", "open_interest_base", "open_interest_usd")
    assert ours.height == 2 * 7 * 24
    assert ours.select(columns).sort(columns).equals(native.frame.select(columns).sort(columns))


def test_order_books_come_as_the_native_adapter_brings_them(
    sandbox: RunningSandbox, market: Market, settings: Settings
) -> None:
    """Of the hundred levels that are asked for: the first ten are compared."""
    names = {unified(i): i.venue_symbol for i in settling_every(market, 8)[:3]}
    bridged, _ = with_venue(sandbox, settings, lambda v: v.order_book(names, 10))
    native, _ = with_venue(sandbox, settings, lambda v: v.order_book(names.values(), 10), "binance")
    ours = bridged.with_columns(pl.col("venue_symbol").replace_strict(names))
    columns = ("venue_symbol", "base", "quote", "side", "level", "price", "size")
    assert ours.height == 3 * 2 * 10
    order = ("venue_symbol", "side", "level")
    assert ours.select(columns).sort(order).equals(native.select(columns).sort(order))
