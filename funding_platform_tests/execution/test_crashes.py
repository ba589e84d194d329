"""Death at every write of the journal, of an opening and of a close; then another start."""

import pytest

from funding_platform.execution import ExecutionRules, Outcome, PairState
from funding_platform.execution.pair.pairs import LegName
from funding_platform_tests.execution.crashes import Moment, Steps
from funding_platform_tests.execution.outcomes import (
    close_all,
    ends,
    open_pair,
    script,
    settle_down,
)
from funding_platform_tests.execution.world import World

OPENING = ["cursors", "intend", "open"]
COMPLETED = ["cursors", "intend", "complete", "open"]
UNWOUND = ["cursors", "intend", "unwind", "aborted"]
CLOSE = ["close", "close", "closed"]


def test_what_an_opening_and_a_close_write(world: World) -> None:
    steps = Steps()
    steps.watch(world.store)
    open_pair(world)
    assert steps.names == OPENING
    close_all(world)
    assert steps.names == OPENING + CLOSE


@pytest.mark.sampled(6)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("number", range(len(OPENING)))
def test_an_opening_that_dies_ends_as_far_as_it_was_sent(
    store_url: str, number: int, moment: Moment
) -> None:
    world = World(store_url)
    Steps(number, moment).watch(world.store)
    assert open_pair(world) is None
    settle_down(world)
    sent = OPENING[number] == "open"
    assert not ends(world, PairState.OPEN if sent else PairState.ABORTED)
    assert len(world.placed) == (2 if sent else 0)
    world.store.close()


@pytest.mark.sampled(6)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(
    ("outcome", "steps", "number"),
    [(Outcome.PARTIAL, COMPLETED, number) for number in range(1, len(COMPLETED))]
    + [(Outcome.REJECTED, UNWOUND, number) for number in range(1, len(UNWOUND))],
)
def test_an_opening_that_goes_wrong_and_dies_ends_alike_on_both_legs(
    store_url: str, outcome: Outcome, steps: list[str], number: int, moment: Moment
) -> None:
    world = World(store_url, rules=ExecutionRules(completions=int(outcome is Outcome.PARTIAL)))
    script(world, {LegName.LONG: Outcome.FILLED, LegName.SHORT: outcome}, closing=False)
    watched = Steps(number, moment)
    watched.watch(world.store)
    assert open_pair(world) is None
    assert watched.names == steps[: number + 1]
    for venue in world.venues.values():
        venue.faults.clear()
    settle_down(world)
    assert not ends(world, PairState.OPEN, PairState.ABORTED)
    world.store.close()


@pytest.mark.sampled(6)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("number", range(len(CLOSE)))
def test_a_close_that_dies_ends_closed(store_url: str, number: int, moment: Moment) -> None:
    world = World(store_url)
    open_pair(world)
    Steps(number, moment).watch(world.store)
    assert close_all(world) is None
    settle_down(world)
    if (number, moment) == (0, Moment.BEFORE):  # nobody knows that it was asked for
        assert not ends(world, PairState.OPEN)
        close_all(world)
    assert not ends(world, PairState.CLOSED)
    assert len(world.placed) == len(set(world.placed))
    world.store.close()
