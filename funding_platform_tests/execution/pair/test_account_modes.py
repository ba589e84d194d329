"""Accounts in a mode that does not fit, and venues that cannot be asked: nothing is sent."""

from decimal import Decimal

import pytest

from funding_platform.execution import (
    AtomicPairExecutor,
    NotReconciledError,
    PairState,
    PaperExchange,
    Reconciler,
)
from funding_platform.venues.errors import ContractError
from funding_platform_tests.execution.pair.test_executor import opened
from funding_platform_tests.execution.pair.test_reconcile import ALPHA, BETA, looked
from funding_platform_tests.execution.world import BTC, World


class HedgedExchange(PaperExchange):
    """An account whose mode is somebody else's to set."""

    hedged = True
    asked = 0

    async def prepare(self) -> None:
        self.asked += 1
        await super().prepare()
        if self.hedged:
            raise ContractError("hedge mode, where one-way is needed", venue=self.venue)


def hedged(world: World) -> HedgedExchange:
    """Let the account of beta be in hedge mode."""
    account = HedgedExchange(BETA, world.venues[BETA].engine, clock=world.clock)
    clients = {ALPHA: world.venues[ALPHA], BETA: account}
    world.executor = AtomicPairExecutor(clients, world.journal, world.rules, world.clock)
    world.reconciler = Reconciler(world.executor)
    return account


def test_an_account_in_another_mode_forbids_trading_until_it_is_set_right(world: World) -> None:
    account = hedged(world)
    for _ in range(2):
        found = looked(world)
        assert found.unreachable == {BETA: "beta: hedge mode, where one-way is needed"}
        with pytest.raises(NotReconciledError):
            world.time.run(world.executor.open(world.intent()))
    (event,) = (one for one in world.store.events() if one.kind == "account_unfit")
    assert event.reason == "beta: hedge mode, where one-way is needed"
    assert world.placed == []
    account.hedged = False
    assert looked(world).complete
    assert opened(world).state is PairState.OPEN
    assert account.asked == 3, "once it is fit, it is not asked again"


def test_nothing_is_sent_to_an_account_that_is_not_fit(world: World) -> None:
    result = opened(world)
    assert result.state is PairState.OPEN
    hedged(world)
    world.venues[ALPHA].deleverage(BTC, Decimal(4))
    sent = len(world.placed)
    assert looked(world).resumed == ()
    assert len(world.placed) == sent
    assert world.positions(BTC) == [6, -10]
