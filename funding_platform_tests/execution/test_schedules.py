"""Random schedules of faults, as many as a suite bears; `make chaos` draws ten thousand."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.execution.pair.pairs import LegName
from funding_platform_tests.execution.schedules import Schedule
from funding_platform_tests.execution.world import LIMITS, copy_of

TAKEN_LATE = 111802471
"""A venue takes some of what filled after its pair was over."""


@pytest.mark.sampled(15)
@pytest.mark.parametrize("seed", [*range(60), TAKEN_LATE])
def test_a_schedule_of_faults_ends_alike_within_two_looks(
    seed: int, empty_store: Path, tmp_path: Path
) -> None:
    verdict = Schedule(seed, copy_of(empty_store, tmp_path)).run()
    assert not verdict.wrong
    assert not verdict.late


@pytest.mark.parametrize("step", [1, 100])
@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_with_legs_in_dollars_ends_alike_too(
    seed: int, step: int, empty_store: Path, tmp_path: Path
) -> None:
    least = Decimal(step)
    coin = replace(LIMITS, quantity_step=least, min_quantity=least, contract_type="inverse")
    limits = {LegName.LONG: LIMITS, LegName.SHORT: coin}
    assert not Schedule(seed, copy_of(empty_store, tmp_path), limits).run().wrong


def test_a_schedule_follows_from_its_seed(empty_store: Path, tmp_path: Path) -> None:
    lived = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        world = Schedule(111801479, copy_of(empty_store, tmp_path / folder))
        lived.append((world.run(), world.world.placed))
    assert lived[0] == lived[1]
