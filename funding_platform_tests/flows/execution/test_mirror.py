"""What the store remembers reaches the lake: once, incrementally, and what changed later too."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.execution import EXECUTION_TABLES
from funding_platform.core.trading import InstrumentLimits
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.store import open_store
from funding_platform.flows.checks.execution import (
    net_exposure_zero,
    no_orphan_orders,
    pnl_identity,
)
from funding_platform.flows.execution.mirror import mirror
from funding_platform.flows.execution.sizes import Sizes, sizes_of
from funding_platform.flows.queries import open_lake
from funding_platform.paper import PricedMarket
from funding_platform.settings import Settings
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues, config, desk, given
from funding_platform_tests.execution.cycle.seen import NOW
from funding_platform_tests.execution.cycle.test_trader import CARRY, OFFERED, ROWS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def read(settings: Settings, sql: str) -> pl.DataFrame:
    with open_lake(settings) as lake:
        return lake.execute(sql).pl()


def counts(settings: Settings) -> dict[str, int]:
    return {
        table.name: read(settings, f"SELECT count(*) AS n FROM {table.full_name}")["n"].item()
        for table in EXECUTION_TABLES
    }


def trade(settings: Settings, venues: PaperVenues, *, close: bool) -> None:
    async def scenario() -> None:
        source = given(ROWS, OFFERED)
        async with desk(settings.data_dir, venues, source, config(CARRY)) as made:
            await made.reconciler.reconcile()
            await made.trader.cycle()
            if close:
                for pair in made.trader.journal.pairs():
                    await made.trader.executor.close(pair.pair_id, "the test ends")

    asyncio.run(scenario())


def test_what_changes_is_copied_and_nothing_twice(settings: Settings) -> None:
    venues = PaperVenues()
    venues.list_(ROWS)
    trade(settings, venues, close=False)
    first = mirror(settings, "run-1")
    assert first["execution.positions"] == 1
    assert counts(settings) == {
        "positions": 1,
        "orders": 2,
        "fills": 2,
        "funding_payments": 0,
        "events": first["execution.events"],
        "performance": 1,
    }
    assert mirror(settings, "run-2")["execution.fills"] == 2
    assert counts(settings)["fills"] == 2

    at = NOW + timedelta(hours=8)
    venues.settle("binance", "BTCUSDT", at, "0.001", "100")
    venues.moved.move(9 * 3600)
    trade(settings, venues, close=True)
    mirror(settings, "run-3")
    assert counts(settings)["fills"] == 4
    assert counts(settings)["funding_payments"] == 1
    (row,) = read(settings, "FROM execution.positions").iter_rows(named=True)
    assert row["state"] == "closed"
    assert row["long_venue"] == "aster"
    assert row["net_base"] == 0.0
    assert row["funding_usd"] == pytest.approx(1.0)
    assert row["pnl_usd"] == pytest.approx(
        row["trading_usd"] - row["fees_usd"] + row["funding_usd"]
    )


def test_sizes_of_an_inverse_leg_are_told_in_base_and_in_dollars(settings: Settings) -> None:
    coin = InstrumentLimits(
        venue_symbol="BTCUSDT",
        quantity_step=Decimal(1),
        price_step=Decimal("0.01"),
        min_quantity=Decimal(1),
        contract_type="inverse",
    )
    venues = PaperVenues(markets={"binance": PricedMarket({}, {"BTCUSDT": coin})})
    venues.list_(ROWS)
    trade(settings, venues, close=False)
    venues.settle("binance", "BTCUSDT", NOW + timedelta(hours=8), "0.001", "125")
    venues.moved.move(9 * 3600)
    for market in venues.markets.values():
        market.set_price("BTCUSDT", Decimal(125))
    trade(settings, venues, close=True)
    mirror(settings, "run")
    # A short of 1,000 dollars from 100 is 10 of base; at 125 it has lost 250 dollars.
    fills = "SELECT quantity_usd, quantity_base, price FROM execution.fills WHERE venue = 'binance'"
    assert read(settings, f"{fills} ORDER BY filled_at").rows() == [
        (1_000.0, 10.0, 100.0),
        (1_000.0, 10.0, 125.0),
    ]
    (paid,) = read(settings, "FROM execution.funding_payments").iter_rows(named=True)
    assert (paid["quantity_usd"], paid["quantity_base"]) == (-1_000.0, -10.0)
    assert paid["amount_usd"] == 1.0
    orders = read(settings, "FROM execution.orders ORDER BY created_at, venue")
    assert orders["quantity_usd"].to_list() == [None, 1_000.0, None, 1_000.0]
    assert orders["filled_base"].to_list() == [10.0] * 4
    (row,) = read(settings, "FROM execution.positions").iter_rows(named=True)
    assert (row["trading_usd"], row["net_base"]) == (0.0, 0.0)
    assert (row["short_entry_price"], row["short_exit_price"]) == (100.0, 125.0)
    with open_lake(settings) as lake:
        for question in (net_exposure_zero, pnl_identity, no_orphan_orders):
            assert question(lake).passed
    with open_store(settings.execution_store, trades=False) as store:
        journal = Journal(store)
        assert sizes_of(journal, [{"pair_id": None}]) == Sizes()
        assert len(sizes_of(journal, [{"pair_id": row["pair_id"]}]).of_fill) == 2


@pytest.mark.world
def test_another_store_replaces_what_was_of_the_old_one(settings: Settings) -> None:
    for minutes in (1, 2):
        venues = PaperVenues()
        venues.moved.move(60.0 * minutes)
        venues.list_(ROWS)
        trade(settings, venues, close=True)
        mirror(settings, "run")
        assert counts(settings)["positions"] == 1
        for file in (settings.data_dir / "execution").iterdir():
            file.unlink()
