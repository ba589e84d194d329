"""An opening and a close under faults, with the crashes that they bring, to their end."""

from collections.abc import Mapping

from funding_platform.core.trading import OrderRequest
from funding_platform.execution import Outcome, PairResult, PairState, PaperCrash, Script
from funding_platform.execution.pair.pairs import LEGS, LegName
from funding_platform_tests.execution.world import VENUES, World


def script(world: World, outcomes: Mapping[LegName, Outcome], *, closing: bool) -> None:
    """Tell both venues what becomes of the first order that opens, or closes."""

    def meant(order: OrderRequest) -> bool:
        return order.reduce_only is closing

    for leg, outcome in outcomes.items():
        arrives = leg is LegName.LONG  # both kinds of a lost order are met that way
        world.venues[VENUES[leg]].faults.script(
            Script(outcome=outcome, when=meant, arrives=arrives)
        )


def open_pair(world: World) -> PairResult | None:
    """Reconcile and open; None where that died."""

    async def work() -> PairResult:
        await world.reconciler.reconcile()
        return await world.executor.open(world.intent())

    try:
        return world.time.run(work())
    except PaperCrash:
        world.die()
        return None


def close_all(world: World) -> PairResult | None:
    """Close the pair that is open; None where that died."""

    async def work() -> PairResult:
        (pair,) = world.journal.pairs(PairState.OPEN)
        return await world.executor.close(pair.pair_id, "test")

    try:
        return world.time.run(work())
    except PaperCrash:
        world.die()
        return None


def settle_down(world: World) -> None:
    """Let the sidecar reconcile for two cycles."""
    world.time.run(world.reconciler.reconcile())
    world.time.run(world.settle_down(cycles=1))


def ends(world: World, *states: PairState) -> list[str]:
    """Return what does not hold, and pairs that ended otherwise than in one of those states."""
    found = [
        f"{one.pair_id} ended {one.state}"
        for one in world.journal.pairs()
        if one.state not in states
    ]
    unmet = [
        f"{VENUES[leg]}: no order met a script"
        for leg in LEGS
        if world.venues[VENUES[leg]].faults.waiting
    ]
    return world.wrong() + found + unmet
