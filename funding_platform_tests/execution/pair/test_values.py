"""Values of orders and fills against the plan: contracts that were taken for coins."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from funding_platform.core.trading import ZERO, Fill, OrderReport, OrderRequest
from funding_platform.execution import (
    AtomicPairExecutor,
    ExecutionRules,
    PairState,
    PaperExchange,
    Reconciler,
)
from funding_platform.execution.pair.rounds.values import off_plan, over_plan
from funding_platform_tests.execution.pair.test_executor import closed, opened
from funding_platform_tests.execution.stored import all_orders
from funding_platform_tests.execution.world import BTC, ETH, VENUES, World

ALPHA, BETA = VENUES.values()
SLACK = Decimal("0.053")


class ByContract(PaperExchange):
    """Sends ten times as much as it is asked for: a client that has a unit wrong."""

    async def place(self, order: OrderRequest) -> OrderReport:
        many = 1 if order.reduce_only else 10
        return await super().place(replace(order, quantity=many * order.quantity))


class ByThousand(PaperExchange):
    """Tells prices of a thousand coins."""

    async def fills(self, since: datetime) -> Sequence[Fill]:
        return [replace(one, price=1000 * one.price) for one in await super().fills(since)]


def with_beta(world: World, kind: type[PaperExchange]) -> None:
    beta = kind(BETA, world.venues[BETA].engine, clock=world.clock)
    clients = {ALPHA: world.venues[ALPHA], BETA: beta}
    world.executor = AtomicPairExecutor(clients, world.journal, world.rules, world.clock)
    world.reconciler = Reconciler(world.executor)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (ByContract, "s000 has fills of 9999.00 USD, 997.00 USD were sent"),
        (ByThousand, "s000 has a fill at 99990.00, and was sent at 99.70"),
    ],
)
def test_a_fill_that_is_not_worth_what_was_sent_halts_new_risk(
    world: World, kind: type[PaperExchange], said: str
) -> None:
    with_beta(world, kind)
    result = opened(world)
    assert any(said in one for one in result.reasons), result.reasons
    halt = world.store.halted()
    assert (halt.halted, halt.reason) == (True, "a value that was not planned")
    (event,) = (one for one in world.store.events() if one.kind == "value_off_plan")
    assert said in event.reason
    assert event.pair_id == result.pair_id
    again = opened(world, world.intent(symbol=ETH))
    assert again.reasons == ("halted: a value that was not planned",)
    assert sum(world.positions(BTC)) == 0, "what came too much is given back all the same"
    assert closed(world, result.pair_id).state is PairState.CLOSED, "and a close goes on"
    assert world.positions(BTC) == [0, 0]


def test_a_person_who_has_looked_is_not_halted_again_for_the_same(world: World) -> None:
    with_beta(world, ByContract)
    result = opened(world)
    world.store.resume("was seen", "anna")
    world.time.run(world.executor.resume(result.pair_id))
    assert not world.store.halted().halted


def test_an_order_that_would_be_worth_more_than_the_plan_is_not_sent(world: World) -> None:
    world.die_with(ExecutionRules(limit_seconds=4.0))
    world.time.run(world.reconciler.reconcile())
    intent = world.intent()

    async def work() -> None:
        opening = world.executor.open(intent)
        await asyncio.gather(opening, dearer(world))

    world.time.run(work())
    opening = {one.limit_price for one in all_orders(world.journal) if one.role.opens}
    assert opening == {Decimal("99.99"), Decimal("100.01")}, "none at 110"
    (pair,) = world.journal.pairs()
    assert pair.state is PairState.ABORTED
    assert "would be worth" in (pair.close_reason or "")
    assert world.positions(BTC) == [ZERO, ZERO]
    assert not world.store.halted().halted, "the market moved, and nobody has a unit wrong"


async def dearer(world: World) -> None:
    """Let the price rise by a tenth while orders wait."""
    await world.clock.sleep(1.0)
    for market in world.markets.values():
        market.mids[BTC] = Decimal(110)


def test_what_is_within_the_slack_is_no_matter(world: World) -> None:
    result = opened(world)
    (order, _) = sorted(world.journal.orders(result.pair_id), key=lambda one: one.venue)
    fills = [one for one in world.journal.fills(result.pair_id) if one.venue == order.venue]
    assert off_plan(order, fills, SLACK) is None
    assert off_plan(order, [], SLACK) is None, "none is no value that is off"
    assert over_plan(order, Decimal(1_000), SLACK) is None
    assert over_plan(order, Decimal(900), SLACK) == (
        f"alpha BTCUSDT: {order.client_id} would be worth 1003.00 USD, 900 USD are planned"
    )
    edge = replace(fills[0], price=Decimal("100.30") * (1 + SLACK))
    assert off_plan(order, [edge], SLACK) is None
    assert off_plan(order, [replace(edge, price=edge.price + Decimal("0.01"))], SLACK)
    assert off_plan(order, [edge, edge], SLACK), "each is within, and both together are not"
