"""Pairs with legs in dollars over the sandbox's market: its books, steps and settlements."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.execution import (
    AtomicPairExecutor,
    InstrumentRef,
    Journal,
    PairIntent,
    PairResult,
    PairState,
    PaperExchange,
    Reconciler,
    open_store,
)
from funding_platform.execution.ledger import ledgers, summed
from funding_platform.paper import PaperEngine, PaperRules
from funding_platform.sandbox.paper.market import SandboxPaperMarket
from funding_platform.sandbox.server import build_market
from funding_platform_tests.execution.virtual_time import VirtualTime
from funding_platform_tests.execution.world import copy_of

HOURS = 9
LEGS = {
    "deribit": "BTC-PERPETUAL",
    "okx": "BTC-USD-SWAP",
    "binance": "BTCUSDT",
}


def accounts(time: VirtualTime) -> dict[str, PaperExchange]:
    market = build_market(symbols=30, clock=lambda: to_ms(time.now()))
    made = {}
    for venue in LEGS:
        engine = PaperEngine(SandboxPaperMarket(market, venue), PaperRules())
        engine.deposit(Decimal(20_000))
        made[venue] = PaperExchange(venue, engine, clock=time.clock())
    return made


def equity(venues: Mapping[str, PaperExchange]) -> Decimal:
    return sum((one.engine.balance().equity_usd for one in venues.values()), Decimal(0))


@pytest.mark.parametrize("long", ["binance", "deribit"], ids=["base", "dollars"])
def test_what_pairs_bring_is_what_the_accounts_gain(
    long: str, empty_store: Path, tmp_path: Path
) -> None:
    time = VirtualTime()
    venues = accounts(time)
    with open_store(copy_of(empty_store, tmp_path), time.now) as store:
        journal = Journal(store)
        executor = AtomicPairExecutor(venues, journal, clock=time.clock())
        reconciler = Reconciler(executor)

        async def there_and_back() -> PairResult:
            await reconciler.reconcile()
            opened = await executor.open(
                PairIntent(
                    base="BTC",
                    long=InstrumentRef(long, LEGS[long]),
                    short=InstrumentRef("okx", LEGS["okx"]),
                    size_usd=Decimal(5_000),
                    decided_at=time.now(),
                )
            )
            assert opened.state is PairState.OPEN, opened.reasons
            for _ in range(HOURS):
                await executor.clock.sleep(3_600)
                assert not (await reconciler.reconcile()).resumed
            (pair,) = ledgers(journal, journal.pairs())
            assert abs(pair.net_base) < pair.record.lot
            assert pair.short.quantity % 100 == 0
            assert pair.short.settlements
            closed = await executor.close(opened.pair_id, "test")
            await reconciler.reconcile()
            return closed

        assert time.run(there_and_back()).state is PairState.CLOSED
        brought = summed(ledgers(journal, journal.pairs()))
        assert brought is not None
        assert abs(equity(venues) - 60_000 - brought.total_usd) < Decimal("1E-8")
        assert not store.halted().halted
