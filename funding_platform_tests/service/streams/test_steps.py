"""Steps between states: whoever applies them knows the last state."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from funding_platform.service.streams.messages import Filters
from funding_platform.service.streams.states import (
    EMPTY,
    Row,
    State,
    joined,
    passes,
    step_between,
    wanted_of,
)

KEYS = st.sampled_from("abcd")
STATES = st.lists(st.dictionaries(KEYS, st.integers(0, 2), max_size=4), min_size=2, max_size=6)


def shown(rows: dict[str, int]) -> State:
    return State({(key,): row(key, value) for key, value in rows.items()}, None, "live")


def row(key: str, value: int) -> Row:
    return {"venue": key, "base": f"{value}", "predicted_rate": value, "observed_at": object()}


@given(STATES, st.sampled_from([Filters(), Filters(bases=("1",)), Filters(venues=("a", "b"))]))
def test_whoever_applies_the_steps_knows_the_last_state(
    seen: list[dict[str, int]], filters: Filters
) -> None:
    states = [shown(rows) for rows in seen]
    steps = [
        step_between(before, after, number)
        for number, (before, after) in enumerate(pairwise(states), 1)
    ]
    for told in (steps, [joined(steps)]):
        known = {key: one for key, one in states[0].rows.items() if passes(filters, one)}
        for step in told:
            rows, gone = wanted_of(step, filters)
            for key in gone:
                del known[key]
            known |= {(one["venue"],): one for one in rows}
        expected = {key: one for key, one in states[-1].rows.items() if passes(filters, one)}
        assert values(known) == values(expected)


def values(rows: Any) -> dict[Any, Any]:
    return {key: one["predicted_rate"] for key, one in rows.items()}


def test_another_look_alone_is_no_change() -> None:
    assert len(step_between(shown({"a": 1}), shown({"a": 1}), 1)) == 0
    assert len(step_between(EMPTY, shown({"a": 1}), 1)) == 1
