"""What venues hold is right: orders, fills, positions and payments that the journal has not."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from funding_platform.core.trading import (
    OrderKind,
    OrderRequest,
    OrderState,
    Side,
)
from funding_platform.execution import (
    Outcome,
    PairState,
    Reconciliation,
    Script,
)
from funding_platform.execution.pair.book import PairBook, is_ours
from funding_platform.execution.pair.pairs import LegName
from funding_platform.venues.errors import ConnectionFailedError
from funding_platform_tests.execution.pair.test_executor import closed, opened
from funding_platform_tests.execution.stored import all_fills
from funding_platform_tests.execution.world import BTC, ETH, VENUES, World

ALPHA, BETA = VENUES.values()


def looked(world: World) -> Reconciliation:
    return world.time.run(world.reconciler.reconcile())


def order(client_id: str, price: str | None = "90") -> OrderRequest:
    return OrderRequest(
        client_id=client_id,
        venue_symbol=BTC,
        side=Side.BUY,
        quantity=Decimal(1),
        kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        limit_price=None if price is None else Decimal(price),
    )


def test_a_venue_that_does_not_answer_forbids_trading_until_it_does(world: World) -> None:
    world.venues[BETA].disconnect(5)
    found = looked(world)
    assert not found.complete
    assert BETA in found.unreachable
    assert not world.executor.ready
    world.time.seconds += 6
    assert looked(world).complete
    assert world.executor.ready


def test_an_open_order_of_ours_that_nobody_remembers_is_canceled(world: World) -> None:
    ghost = "fp" + 16 * "a" + "l000"
    assert is_ours(ghost)
    world.time.run(world.venues[ALPHA].place(order(ghost)))
    found = looked(world)
    assert found.canceled == (ghost,)
    assert world.venues[ALPHA].engine.open_orders() == []
    assert not world.store.halted().halted


def test_a_strangers_order_halts_and_is_left(world: World) -> None:
    world.time.run(world.venues[ALPHA].place(order("by-hand")))
    found = looked(world)
    assert found.mismatches == ("alpha BTCUSDT: order 'by-hand' is not ours",)
    assert world.store.halted().reason == found.mismatches[0]
    assert len(world.venues[ALPHA].engine.open_orders()) == 1


def test_a_strangers_position_halts_and_is_left(world: World) -> None:
    looked(world)
    world.time.run(world.venues[ALPHA].place(order("by-hand", None)))
    found = looked(world)
    assert "alpha BTCUSDT: 1 are held by no pair of ours" in found.mismatches
    assert world.positions(BTC) == [1, 0]
    assert world.store.halted().halted
    assert opened(world, world.intent(symbol=ETH)).reasons[0].startswith("halted")


@pytest.mark.parametrize("share", ["1", "0.4"])
def test_a_leg_that_the_venue_takes_is_followed_by_the_other(world: World, share: str) -> None:
    opened(world)
    world.venues[ALPHA].deleverage(BTC, 10 * Decimal(share))
    (result,) = looked(world).resumed
    left = 10 - 10 * Decimal(share)
    assert result.state is (PairState.OPEN if left else PairState.CLOSED)
    assert world.positions(BTC) == [left, -left]
    assert world.wrong() == []
    assert not world.store.halted().halted


def test_a_fill_that_comes_after_its_pair_is_over_is_given_back(world: World) -> None:
    for venue, outcome in ((ALPHA, Outcome.LATE_FILL), (BETA, Outcome.REJECTED)):
        world.venues[venue].faults.script(Script(outcome=outcome, seconds=7))
    world.venues[BETA].faults.script(Script(outcome=Outcome.REJECTED))
    assert opened(world).state is PairState.ABORTED
    world.time.run(world.settle_down())
    assert world.journal.pairs()[0].state is PairState.ABORTED
    assert world.positions(BTC) == [0, 0]
    assert world.wrong() == []


def test_what_a_venue_takes_of_a_fill_that_came_late_is_that_pairs_and_no_strangers(
    world: World,
) -> None:
    world.venues[ALPHA].faults.script(Script(outcome=Outcome.LATE_FILL, seconds=7))
    world.venues[BETA].faults.script(Script(outcome=Outcome.REJECTED))
    world.venues[BETA].faults.script(Script(outcome=Outcome.REJECTED))
    assert opened(world).state is PairState.ABORTED
    world.time.seconds += 10
    world.venues[ALPHA].deleverage(BTC, Decimal(4))  # before anybody has seen the fill
    found = looked(world)
    assert found.mismatches == ()
    assert not world.store.halted().halted
    assert world.positions(BTC) == [0, 0]
    assert [one.pair_id for one in all_fills(world.journal) if one.liquidation] == [
        world.journal.pairs()[0].pair_id
    ]
    assert world.wrong() == []


def test_a_pair_that_closes_while_venues_are_asked_is_no_stranger(world: World) -> None:
    """Positions are read before the close, and judged after it."""
    result = opened(world)
    world.venues[ALPHA].conditions.data_seconds = 0.4  # the answer to this look takes longest

    async def work() -> Reconciliation:
        look = asyncio.create_task(world.reconciler.reconcile())
        await asyncio.sleep(0.1)
        for venue in world.venues.values():
            venue.conditions.data_seconds = 0.0
        await world.executor.close(result.pair_id, "test")
        return await look

    found = world.time.run(work())
    assert world.journal.pair(result.pair_id).state is PairState.CLOSED
    assert found.mismatches == ()
    assert not world.store.halted().halted
    world.time.run(world.settle_down())
    world.time.run(world.venues[ALPHA].place(order("by-hand", None)))
    assert looked(world).mismatches[-1] == "alpha BTCUSDT: 1 are held by no pair of ours"


def test_what_was_opened_is_known_after_a_restart(world: World) -> None:
    result = opened(world)
    world.die()
    found = looked(world)
    assert (found.adopted, found.mismatches, found.resumed) == ((), (), ())
    again = opened(world, world.intent())
    assert again.reasons == ("instrument_in_use: alpha BTCUSDT and beta BTCUSDT is in a pair",)
    assert closed(world, result.pair_id).state is PairState.CLOSED


def test_positions_that_lag_are_no_mismatch(world: World) -> None:
    for venue in world.venues.values():
        venue.conditions.stale_seconds = 2.0
    result = opened(world)
    assert result.state is PairState.OPEN
    assert looked(world).resumed == ()
    assert len(world.placed) == 2


def test_funding_goes_to_the_leg_that_held(world: World) -> None:
    result = opened(world)
    paid_at = world.time.now() + timedelta(hours=1)
    world.markets[ALPHA].settle(BTC, paid_at, Decimal("0.0001"))
    world.markets[BETA].settle(BTC, paid_at, Decimal("0.0003"))
    world.time.seconds += 3_601
    assert looked(world).payments == 2
    assert looked(world).payments == 0, "a payment is known by its id"
    pnl = world.executor.load(result.pair_id).pnl()
    assert pnl.funding_usd == Decimal("0.2")  # 1,000 USD * (0.0003 - 0.0001)
    assert {one.leg for one in world.journal.payments(result.pair_id)} == set(LegName)
    assert world.wrong() == []
    after = closed(world, result.pair_id)
    assert after.pnl.total_usd == pnl.trading_usd - Decimal("0.2") - 2 + Decimal("0.2")


def test_a_total_without_its_fills_is_stood_in_for_until_they_come(world: World) -> None:
    result = opened(world)
    fills = world.journal.fills(result.pair_id)
    book = PairBook(
        world.journal.pair(result.pair_id),
        world.journal.legs(result.pair_id),
        [replace(one, filled=Decimal(0)) for one in world.journal.orders(result.pair_id)],
    )
    now = world.time.now()
    for known in world.journal.orders(result.pair_id):
        book.observe(known.report(), now)
        book.observe(known.report(), now)
    assert [book.held(leg) for leg in LegName] == [10, 10]
    stood = sorted(one.fill_id for one in book.fills.values())
    assert stood == sorted(f"syn-{one.client_id}" for one in fills)
    expected = world.executor.load(result.pair_id).pnl()
    assert book.pnl().total_usd == expected.total_usd, "at the taker's fee, as it was"
    for fill in fills:
        assert book.add_fill(fill.venue, fill.fill())
        assert not book.add_fill(fill.venue, fill.fill())
    assert not any(one.synthetic for one in book.fills.values())
    assert book.pnl() == expected


def test_what_a_venue_took_is_stood_in_for_until_its_fill_comes(world: World) -> None:
    result = opened(world)
    book = world.executor.load(result.pair_id)
    now = world.time.now() + timedelta(seconds=9)
    book.adjust(LegName.LONG, Decimal(6), Decimal(99), now)
    assert book.held(LegName.LONG) == 6
    (true,) = (one for one in world.journal.fills(result.pair_id) if one.leg is LegName.LONG)
    taken = replace(
        true.fill(),
        fill_id="taken",
        client_id=None,
        side=Side.SELL,
        quantity=Decimal(4),
        filled_at=now - timedelta(seconds=5),
    )
    assert book.add_fill(ALPHA, taken)
    assert book.held(LegName.LONG) == 6
    assert not any(one.synthetic for one in book.fills.values())


def test_totals_never_fall_and_what_is_final_stays_so(world: World) -> None:
    result = opened(world)
    book = world.executor.load(result.pair_id)
    known = next(iter(book.orders.values()))
    stale = replace(known.report(), state=OrderState.OPEN, filled=Decimal(1))
    book.observe(stale, world.time.now())
    assert book.orders[known.client_id].state is OrderState.FILLED
    assert book.orders[known.client_id].filled == 10
    assert not book.take_changes()


def test_a_position_that_nobody_explains_is_given_back_and_halts(world: World) -> None:
    result = opened(world)
    world.time.run(world.venues[ALPHA].place(order("by-hand", None)))
    looked(world)
    assert world.store.halted().halted
    assert world.journal.pair(result.pair_id).state is PairState.OPEN
    assert world.positions(BTC) == [10, -10]
    assert [one.kind for one in world.store.events(pair_id=result.pair_id)].count("mismatch") == 1


def test_an_order_that_cannot_be_taken_back_forbids_trading(world: World) -> None:
    ghost = "fp" + 16 * "a" + "l000"
    world.time.run(world.venues[ALPHA].place(order(ghost)))
    world.venues[ALPHA].faults.crash_at("cancel.before", ConnectionLostError)
    found = looked(world)
    assert found.unreachable == {ALPHA: "alpha: cut at cancel.before"}
    assert not world.executor.ready
    assert looked(world).canceled == (ghost,)
    assert world.executor.ready


class ConnectionLostError(ConnectionFailedError):
    """What a client raises when a call is cut."""

    def __init__(self, at: str) -> None:
        super().__init__(f"cut {at}", venue=ALPHA)
