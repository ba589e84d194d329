"""Openings that are refused, and what an opening and a close come to."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.core.trading import OrderState, TimeInForce
from funding_platform.execution import (
    ExecutionRules,
    NotReconciledError,
    Outcome,
    PairResult,
    PairState,
    Script,
    UnknownPairError,
)
from funding_platform.execution.pair.pairs import LEGS, InstrumentRef, LegName, PairIntent
from funding_platform_tests.execution.stored import all_orders
from funding_platform_tests.execution.world import BTC, ETH, LIMITS, SIZE, VENUES, World, copy_of

ALPHA, BETA = VENUES.values()


def opened(world: World, intent: PairIntent | None = None) -> PairResult:
    async def work() -> PairResult:
        await world.reconciler.reconcile()
        return await world.executor.open(intent or world.intent())

    return world.time.run(work())


def closed(world: World, pair_id: str) -> PairResult:
    return world.time.run(world.executor.close(pair_id, "test"))


def skewed(world: World) -> None:
    world.venues[ALPHA].conditions.clock_skew = timedelta(seconds=9)


def poor(world: World) -> None:
    world.venues[BETA].engine.deposit(Decimal(-49_990))


def shut(world: World) -> None:
    world.markets[BETA].known[BTC] = replace(world.markets[BETA].known[BTC], trading=False)


def unlisted(world: World) -> None:
    del world.markets[BETA].known[BTC]


def thin(world: World) -> None:
    world.markets[ALPHA].each = Decimal("0.5")


def apart(world: World) -> None:
    world.markets[BETA].mids[BTC] = Decimal(100_000)


def cut(world: World) -> None:
    world.venues[BETA].disconnect(60)


def halted(world: World) -> None:
    world.store.halt("looks odd", "anna")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (skewed, "clock_skew: alpha BTCUSDT: clocks differ by 9.0 s"),
        (poor, "insufficient_margin: beta BTCUSDT: 10.00 USD are free"),
        (shut, "not_trading: beta BTCUSDT"),
        (unlisted, "unknown_symbol: beta BTCUSDT"),
        (thin, "too_thin: alpha BTCUSDT: 5.0 of 10.00 stand within 30 bps"),
        (apart, "prices_apart: alpha BTCUSDT at 100.00 and beta BTCUSDT at 100000.00"),
        (cut, "venue_unreachable: beta"),
        (halted, "halted: looks odd"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason_and_nothing_is_placed(
    world: World, spoil: Callable[[World], None], reason: str
) -> None:
    world.time.run(world.reconciler.reconcile())
    spoil(world)
    result = world.time.run(world.executor.open(world.intent()))
    assert result.state is PairState.REFUSED
    assert any(reason in one for one in result.reasons), result.reasons
    assert world.placed == []
    (event,) = [one for one in world.store.events() if one.kind == "refused"]
    assert reason in event.reason
    assert world.journal.pairs() == []
    assert result.pnl.total_usd == 0


def test_what_an_intent_itself_gets_wrong_is_refused(world: World) -> None:
    intent = world.intent()
    nowhere = InstrumentRef("nowhere", BTC)
    assert "unknown_venue" in opened(world, replace(intent, long=nowhere)).reasons[0]
    assert "same_instrument" in opened(world, replace(intent, long=intent.short)).reasons[0]
    assert "below_minimum" in opened(world, world.intent(Decimal(1))).reasons[0]
    old = replace(intent, decided_at=intent.decided_at - timedelta(minutes=5))
    assert "stale_intent" in opened(world, old).reasons[0]
    assert world.placed == []


def test_slippage_beyond_the_limit_is_refused(world: World) -> None:
    world.die_with(ExecutionRules(max_slippage_bps=Decimal("0.5")))
    assert "slippage: alpha BTCUSDT: taking would cost 1.0 bps" in opened(world).reasons


def test_an_instrument_is_of_one_pair_at_a_time(world: World) -> None:
    async def twice() -> list[PairResult]:
        await world.reconciler.reconcile()
        intents = (world.intent(), world.intent(), world.intent(symbol=ETH))
        return await asyncio.gather(*map(world.executor.open, intents))

    first, second, other = world.time.run(twice())
    assert (first.state, other.state) == (PairState.OPEN, PairState.OPEN)
    assert second.reasons == ("instrument_in_use: alpha BTCUSDT and beta BTCUSDT is in a pair",)
    closed(world, first.pair_id)
    assert opened(world).state is PairState.OPEN


def test_nothing_is_opened_before_venues_are_reconciled(world: World) -> None:
    with pytest.raises(NotReconciledError):
        world.time.run(world.executor.open(world.intent()))


def test_an_opening_and_a_close_say_what_they_came_to(world: World) -> None:
    result = opened(world)
    assert result.state is PairState.OPEN
    assert result.reasons == ()
    for leg in LEGS:
        assert result.legs[leg].filled == result.legs[leg].held == Decimal(10)
        assert result.legs[leg].slippage_bps == 1
        assert result.legs[leg].fees_usd == pytest.approx(Decimal("0.5"), rel=Decimal("0.001"))
    assert result.timings.to_sent == 0
    assert result.timings.naked == 0
    after = closed(world, result.pair_id)
    assert after.state is PairState.CLOSED
    assert all(leg.held == 0 and leg.filled == 10 for leg in after.legs.values())
    assert after.pnl.trading_usd == Decimal("-0.4")  # two ticks of a hundredth on each leg of 10
    assert after.pnl.fees_usd == Decimal(2)
    assert after.pnl.total_usd == Decimal("-2.4")
    assert closed(world, result.pair_id).state is PairState.CLOSED, "a second close does nothing"
    assert len(world.placed) == 4
    assert world.wrong() == []


def test_a_pair_that_nobody_knows_cannot_be_closed(world: World) -> None:
    with pytest.raises(UnknownPairError):
        closed(world, "0" * 16)


def test_closes_work_while_halted(world: World) -> None:
    result = opened(world)
    world.store.halt("enough", "anna")
    assert closed(world, result.pair_id).state is PairState.CLOSED


def test_a_halt_forbids_completing_a_leg(world: World) -> None:
    world.venues[BETA].faults.script(Script(outcome=Outcome.TIMEOUT_UNFILLED))

    async def work() -> PairResult:
        await world.reconciler.reconcile()
        opening = asyncio.create_task(world.executor.open(world.intent()))
        await asyncio.sleep(1)  # both orders are on their way
        world.store.halt("enough", "anna")
        return await opening

    result = world.time.run(work())
    assert result.state is PairState.ABORTED
    assert "halted: enough" in result.reasons
    opening = [one for one in all_orders(world.journal) if not one.reduce_only]
    assert len(opening) == 2
    assert world.wrong() == []


def test_a_close_never_opens(world: World) -> None:
    result = opened(world)
    world.venues[ALPHA].liquidate(BTC)
    world.venues[BETA].liquidate(BTC)
    assert closed(world, result.pair_id).state is PairState.CLOSED
    assert len(world.placed) == 2
    assert world.positions(BTC) == [0, 0]


def test_a_late_fill_cannot_make_a_leg_larger_than_planned(world: World) -> None:
    """The first order of a leg fills late, after another has been sent in its place."""
    world.venues[ALPHA].faults.script(Script(outcome=Outcome.LATE_FILL, seconds=2))
    result = opened(world)
    world.time.run(world.settle_down())
    assert result.state is PairState.OPEN
    assert [abs(one) for one in world.positions(BTC)] == [10, 10]
    assert world.wrong() == []


def test_an_order_that_its_venue_does_not_know_yet_is_waited_for(world: World) -> None:
    """The answer is lost, and for two seconds the venue says that there is no such order."""
    for venue in world.venues.values():
        venue.conditions.grace_seconds = 2.0
        venue.faults.script(Script(outcome=Outcome.TIMEOUT_FILLED))
    result = opened(world)
    assert result.state is PairState.OPEN
    assert len(world.placed) == 2, "nothing was sent in its place"
    assert [abs(one) for one in world.positions(BTC)] == [10, 10]
    assert world.wrong() == []


def test_orders_wait_first_where_that_is_asked_for(world: World) -> None:
    world.die_with(ExecutionRules(limit_seconds=6.0))
    result = opened(world)
    orders = world.journal.orders(result.pair_id)
    waited = [one for one in orders if one.time_in_force is TimeInForce.POST_ONLY]
    assert len(waited) == 6, "three times each, two seconds apart"
    assert {one.state for one in waited} == {OrderState.CANCELED}
    assert result.state is PairState.OPEN
    assert [one.time_in_force for one in orders if one not in waited] == [
        TimeInForce.IMMEDIATE_OR_CANCEL
    ] * 2


def test_the_first_that_fills_makes_the_other_take(world: World) -> None:
    world.die_with(ExecutionRules(limit_seconds=60.0))

    async def work() -> PairResult:
        await world.reconciler.reconcile()
        opening = asyncio.create_task(world.executor.open(world.intent()))
        await asyncio.sleep(1)
        world.markets[ALPHA].mids[BTC] -= 1  # comes to the bid that waits there
        return await opening

    result = world.time.run(work())
    assert result.state is PairState.OPEN
    assert result.legs[LegName.LONG].fills[0].maker
    assert not result.legs[LegName.SHORT].fills[0].maker
    assert result.timings.naked < 1


def test_a_large_position_is_closed_in_slices(world: World) -> None:
    result = opened(world)
    for market in world.markets.values():
        market.each = Decimal("0.4")
    world.die_with(ExecutionRules(slice_share=Decimal("0.5")))
    world.time.run(world.reconciler.reconcile())

    async def work() -> PairResult:
        closing = asyncio.create_task(world.executor.close(result.pair_id, "test"))
        await asyncio.sleep(0.3)
        for market in world.markets.values():
            market.each = Decimal(100)
        return await closing

    assert world.time.run(work()).state is PairState.CLOSED
    slices = [one for one in world.journal.orders(result.pair_id) if one.reduce_only]
    assert [one.quantity for one in slices[:2]] == [Decimal("2.00")] * 2
    assert world.wrong() == []


def test_the_size_follows_the_lot_of_the_coarser_venue(empty_store: Path, tmp_path: Path) -> None:
    coarse = replace(LIMITS, quantity_step=Decimal("0.3"), min_quantity=Decimal("0.3"))
    world = World(copy_of(empty_store, tmp_path), limits={LegName.SHORT: coarse})
    result = opened(world, world.intent(SIZE))
    assert {leg.held for leg in result.legs.values()} == {Decimal("9.9")}
    world.store.close()
