"""Fills of pairs that are over, which come after another pair has opened the instrument."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.core.trading import ZERO
from funding_platform.execution import Outcome, PairResult, PairState, Script
from funding_platform.execution.pair.pairs import LegName
from funding_platform.execution.pair.truth.handover import Handover
from funding_platform.execution.store.records import FillRecord
from funding_platform_tests.execution.pair.test_executor import closed, opened
from funding_platform_tests.execution.stored import all_fills
from funding_platform_tests.execution.world import BTC, LIMITS, VENUES, World, copy_of

ALPHA, BETA = VENUES.values()


def two_pairs(world: World, late_seconds: float, *, turned: bool = False) -> list[PairResult]:
    """A pair that came to nothing, but for an order that fills late; and the next one."""
    late = Script(outcome=Outcome.LATE_FILL, seconds=late_seconds)
    world.venues[ALPHA].faults.script(late)
    for _ in range(2):
        world.venues[BETA].faults.script(Script(outcome=Outcome.REJECTED))
    first = opened(world, world.intent(Decimal(400)))
    assert first.state is PairState.ABORTED
    second = opened(world, world.intent(turned=turned))
    return [first, second]


def kinds(world: World, pair_id: str | None = None) -> list[str]:
    return [one.kind for one in world.store.events(pair_id=pair_id)]


@pytest.mark.parametrize("turned", [False, True], ids=["adds", "reduces"])
def test_it_counts_with_its_own_pair_and_the_next_one_takes_over_what_it_did(
    world: World, turned: bool
) -> None:
    first, second = two_pairs(world, 7, turned=turned)
    assert second.state is PairState.OPEN
    world.time.run(world.settle_down(3))
    left = Decimal(-6) if turned else Decimal(10)  # ten were planned, and four came too much
    assert world.positions(BTC) == [left, -left]
    assert world.wrong() == []
    assert not world.store.halted().halted, "it can be explained"
    old = world.executor.load(first.pair_id)
    assert old.state is PairState.ABORTED
    assert old.held(LegName.LONG) == 0
    (late,) = (one for one in old.fills.values() if not one.synthetic)
    assert late.quantity == 4
    assert old.pnl().fees_usd == late.fee_usd, "its fee, and no estimate"
    assert {"handed_on", "fill_adopted"} <= set(kinds(world, first.pair_id))
    assert "taken_over" in kinds(world, second.pair_id)
    assert "leg_shrank" not in kinds(world)
    assert closed(world, second.pair_id).state is PairState.CLOSED
    assert world.positions(BTC) == [0, 0]
    assert world.wrong() == []


@pytest.mark.parametrize("turned", [False, True], ids=["adds", "reduces"])
def test_dollars_are_handed_on_at_what_they_were_opened_at(
    empty_store: Path, tmp_path: Path, turned: bool
) -> None:
    """At any other price the two would together be worth something once the price has moved."""
    step = Decimal(1)
    coin = replace(LIMITS, quantity_step=step, min_quantity=step, contract_type="inverse")
    limits = {LegName.LONG: coin, LegName.SHORT: LIMITS}
    world = World(copy_of(empty_store, tmp_path), limits=limits)
    two_pairs(world, 7, turned=turned)
    world.time.run(world.settle_down(3))
    given, taken = handed(world)
    assert given.quantity == 400
    assert given.price == taken.price
    assert world.wrong() == []
    for market in world.markets.values():
        market.mids[BTC] = Decimal(110)
    world.time.run(world.settle_down(3))
    assert world.wrong() == []
    world.store.close()


def test_both_sides_of_it_are_worth_nothing_and_are_written_once(world: World) -> None:
    first, second = two_pairs(world, 7, turned=True)
    world.time.run(world.settle_down(3))
    world.die()
    world.time.run(world.settle_down(2))
    given, taken = handed(world)
    assert (given.pair_id, taken.pair_id) == (first.pair_id, second.pair_id)
    assert given.signed + taken.signed == 0
    assert given.signed * given.price + taken.signed * taken.price == 0
    assert given.fee_usd == taken.fee_usd == 0


def test_what_stood_for_it_before_it_was_told_of_goes(world: World) -> None:
    first, second = two_pairs(world, 3600, turned=True)
    book = world.executor.load(second.pair_id)
    now = world.time.now() + timedelta(seconds=9)
    book.adjust(LegName.SHORT, Decimal(-6), Decimal(100), now)
    assert book.held(LegName.SHORT) == 6
    world.journal.write("adjust", book.take_changes())
    (known,) = (
        one for one in world.journal.fills(second.pair_id) if one.client_id and one.venue == ALPHA
    )
    (order,) = (one for one in world.journal.orders(first.pair_id) if one.venue == ALPHA)
    late = replace(
        known.fill(),
        fill_id="late",
        client_id=order.client_id,
        side=order.side,
        quantity=Decimal(4),
        filled_at=now - timedelta(seconds=6),
    )
    book = world.executor.load(second.pair_id)
    handover = Handover(world.journal)
    for _ in range(2):
        handover.take_unread(book, LegName.SHORT, [late])
    again = world.executor.load(second.pair_id)
    assert again.held(LegName.SHORT) == book.held(LegName.SHORT) == 6
    assert not any(one.liquidation for one in again.fills.values())
    assert world.executor.load(first.pair_id).held(LegName.LONG) == 0
    assert len(handed(world)) == 2


def test_a_pair_that_is_over_leaves_the_instrument_to_the_next(world: World) -> None:
    first, second = two_pairs(world, 7)
    world.time.run(world.settle_down(3))
    sent = len(world.placed)
    result = world.time.run(world.executor.resume(first.pair_id))
    assert result.state is PairState.ABORTED
    assert len(world.placed) == sent
    assert not world.store.halted().halted
    assert world.executor.load(second.pair_id).held(LegName.LONG) == 10


def test_when_both_are_over_the_last_gives_it_back(world: World) -> None:
    first, second = two_pairs(world, 20)
    assert closed(world, second.pair_id).state is PairState.CLOSED
    world.time.run(world.settle_down(4))
    assert world.executor.load(first.pair_id).held(LegName.LONG) == 0
    assert world.positions(BTC) == [ZERO, ZERO]
    assert world.wrong() == []
    assert not world.store.halted().halted


def handed(world: World) -> list[FillRecord]:
    """What was given and taken, as it is stored."""
    return sorted(
        (
            one
            for one in all_fills(world.journal)
            if one.fill_id.endswith(("handed_on", "taken_over"))
        ),
        key=lambda one: one.fill_id,
    )
