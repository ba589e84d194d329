"""Which cases of a sampled test are chosen."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform_tests.sampling import mark_what_is_left_out, spread


@given(st.integers(1, 100), st.integers(1, 400))
def test_a_sample_has_its_size_and_is_spread(count: int, total: int) -> None:
    chosen = sorted(spread(count, total))
    assert len(chosen) == min(count, total)
    assert chosen[0] == 0
    assert chosen[-1] < total
    steps = [later - one for one, later in pairwise(chosen)]
    assert not steps or max(steps) - min(steps) <= 1


class Case:
    """As much of a test as is looked at."""

    def __init__(self, name: str, *marks: pytest.Mark) -> None:
        self.nodeid, self.marks = name, list(marks)

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self.marks if mark.name == name), None)

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks.append(mark.mark)


def test_the_others_are_of_the_world_and_tests_that_are_not_sampled_stay() -> None:
    sampled = pytest.mark.sampled(2).mark
    cases = [Case(f"{Path(__file__).name}::one[{number}]", sampled) for number in range(4)]
    other = Case(f"{Path(__file__).name}::other[0]")
    long = Case(f"{Path(__file__).name}::one[long]", sampled, pytest.mark.fuzz.mark)
    mark_what_is_left_out([*cases, other, long])  # type: ignore[list-item]  # as much as is asked
    assert [case.get_closest_marker("world") is not None for case in cases] == [
        False,
        True,
        False,
        True,
    ]
    assert other.marks == []
    assert long.get_closest_marker("world") is None
