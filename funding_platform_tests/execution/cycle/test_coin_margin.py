"""A trader with a leg in dollars: what stands behind it, and what is done where that runs low."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.core.trading import InstrumentLimits
from funding_platform.execution.cycle.accounts import ask_accounts
from funding_platform.execution.cycle.facts import Exit
from funding_platform.execution.cycle.trader import CycleReport
from funding_platform.execution.ledger import ledgers
from funding_platform.execution.pair.pairs import PairState
from funding_platform.flows.execution.running import Desk
from funding_platform.paper import FREE, PricedMarket
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues, config, desk, given
from funding_platform_tests.execution.cycle.test_trader import CARRY, OFFERED, ROWS

COIN = InstrumentLimits(
    venue_symbol="BTCUSDT",
    quantity_step=Decimal(100),
    price_step=Decimal("0.01"),
    min_quantity=Decimal(100),
    contract_type="inverse",
)
AT_LEVERAGE = replace(
    FREE, coin_collateral=config(CARRY).sizes.coin_collateral, maintenance_margin=Decimal("0.03")
)


def priced(venues: PaperVenues, price: str) -> None:
    for market in venues.markets.values():
        market.set_price("BTCUSDT", Decimal(price))


@pytest.fixture
def venues() -> PaperVenues:
    made = PaperVenues(markets={"binance": PricedMarket({}, {"BTCUSDT": COIN})})
    made.list_(ROWS, AT_LEVERAGE)
    return made


async def opened(made: Desk) -> CycleReport:
    await made.reconciler.reconcile()
    report = await made.trader.cycle()
    assert [(one.state, one.reasons) for one in report.results] == [(PairState.OPEN, ())]
    return report


def test_it_is_told_of_an_account_what_is_locked_and_how_near_it_is(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        async with desk(tmp_path, venues, given(ROWS, OFFERED), config(CARRY)) as made:
            await opened(made)
            priced(venues, "110")
            state = (await ask_accounts(venues.exchanges, venues.moved.clock()))["binance"]
            # A third of 1,000 dollars, less the 100 that the short has lost.
            assert state.locked_usd == pytest.approx(1_000 / 3 - 100)
            assert state.equity_usd == pytest.approx(9_900)
            # 3.333 coins at 110, less 100, over 3 % of 1,000.
            assert state.own_ratios["BTCUSDT"] == pytest.approx((1_000 / 3 * 1.1 - 100) / 30)
            assert state.margin_ratio is None
            shown = {one["venue"]: one for one in (await made.trader.cycle()).content["venues"]}
            assert shown["binance"]["margin_ratio"] == pytest.approx(state.own_ratios["BTCUSDT"])

    asyncio.run(scenario())


def test_a_pair_whose_coins_run_low_is_closed_before_they_are_gone(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        async with desk(tmp_path, venues, given(ROWS, OFFERED), config(CARRY)) as made:
            await opened(made)
            before = venues.equity
            priced(venues, "143")  # 1.55 times what has to be kept
            assert not (await made.trader.cycle()).decisions.closes
            priced(venues, "144")  # 1.33 times; it would be liquidated at 145.5
            last = await made.trader.cycle()
            assert [close.reason for close in last.decisions.closes] == [Exit.MARGIN_LOW]
            assert [one.state for one in last.results] == [PairState.CLOSED]
            (pair,) = ledgers(made.trader.journal, made.trader.journal.pairs())
            assert pair.pnl is not None
            # Long 10 of base and short 1,000 dollars from 100: the one gained what the other lost.
            assert (pair.long.trading_usd, pair.short.trading_usd) == (Decimal(440), Decimal(-440))
            assert venues.equity == before

    asyncio.run(scenario())


def test_a_leg_that_is_liquidated_is_followed_by_the_other(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        async with desk(tmp_path, venues, given(ROWS, OFFERED), config(CARRY)) as made:
            await opened(made)
            priced(venues, "146")
            await made.reconciler.reconcile()
            (pair,) = ledgers(made.trader.journal, made.trader.journal.pairs())
            assert pair.record.state is PairState.CLOSED
            assert (pair.long.quantity, pair.short.quantity) == (Decimal(0), Decimal(0))
            assert pair.pnl is not None
            assert pair.pnl.trading_usd == 0
            assert venues.equity == 20_000

    asyncio.run(scenario())
