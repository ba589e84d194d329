"""All pairs of nine outcomes, one for each leg, when a pair is opened and when it is closed."""

import itertools
from pathlib import Path

import pytest

from funding_platform.execution import Outcome, PairState
from funding_platform.execution.pair.pairs import LegName
from funding_platform_tests.execution.outcomes import (
    close_all,
    ends,
    open_pair,
    script,
    settle_down,
)
from funding_platform_tests.execution.world import World, copy_of

FILLED, WORLD = Outcome.FILLED, pytest.mark.world
PAIRS = [
    pytest.param(long, short, marks=[] if long is short or FILLED in (long, short) else WORLD)
    for long, short in itertools.product(Outcome, Outcome)
]
"""Those of one leg in trouble, or of both in the same, in every run; all of them with the world."""


@pytest.mark.parametrize(("long", "short"), PAIRS)
def test_an_opening_ends_with_both_legs_or_neither(
    long: Outcome, short: Outcome, empty_store: Path, tmp_path: Path
) -> None:
    world = World(copy_of(empty_store, tmp_path))
    script(world, {LegName.LONG: long, LegName.SHORT: short}, closing=False)
    open_pair(world)
    settle_down(world)
    assert not ends(world, PairState.OPEN, PairState.ABORTED)
    settle_down(world)
    assert not ends(world, PairState.OPEN, PairState.ABORTED), "another look changes nothing"
    world.store.close()


@pytest.mark.parametrize(("long", "short"), PAIRS)
def test_a_close_ends_with_neither_leg(
    long: Outcome, short: Outcome, empty_store: Path, tmp_path: Path
) -> None:
    world = World(copy_of(empty_store, tmp_path))
    open_pair(world)
    script(world, {LegName.LONG: long, LegName.SHORT: short}, closing=True)
    close_all(world)
    settle_down(world)
    assert not ends(world, PairState.CLOSED)
    settle_down(world)
    assert not ends(world, PairState.CLOSED), "another look changes nothing"
    world.store.close()
