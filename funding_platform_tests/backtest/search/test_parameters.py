"""Which points a sweep tries, and what a point does to a configuration."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from funding_platform.backtest.errors import UnknownFieldError
from funding_platform.backtest.search.parameters import SweepPlan, at_point


class Costs(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    fee_bps: float = Field(default=5.0, ge=0)


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    enter_above: float = 0.10
    exit_below: float = 0.05
    costs: Costs = Costs()

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        if self.exit_below > self.enter_above:
            raise ValueError("exit_below exceeds enter_above")
        return self


axes = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
    min_size=1,
)


@given(axes)
def test_a_grid_is_every_combination_once_in_order(axes: dict[str, list[int]]) -> None:
    points = SweepPlan(axes=axes).points()
    assert points == [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]


@given(axes, st.integers(1, 20), st.integers(0, 5))
def test_a_random_plan_draws_from_the_grid_without_repetition(
    axes: dict[str, list[int]], samples: int, seed: int
) -> None:
    plan = SweepPlan(axes=axes, method="random", samples=samples, seed=seed)
    grid = SweepPlan(axes=axes).points()
    drawn = [grid.index(point) for point in plan.points()]
    assert len(drawn) == min(samples, len(grid))
    assert drawn == sorted(set(drawn))
    assert plan.points() == plan.points()


def test_seeds_draw_differently() -> None:
    axes = {"a": tuple(range(100))}
    first, second = (
        SweepPlan(axes=axes, method="random", samples=5, seed=seed).points() for seed in (1, 2)
    )
    assert first != second


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"axes": {}}, "axes"),
        ({"axes": {"a": []}}, "axes without values: a"),
        ({"axes": {"a": [1]}, "method": "random"}, "samples"),
        ({"axes": {"a": [1, 2], "b": [0.5, 0.7, 0.5]}}, "axis b has 0.5 more than once"),
        ({"axes": {"bases": [["X"], ["Y"], ["X"]]}}, "axis bases has .* more than once"),
        ({"axes": {"a": [1]}, "samples": 3}, "samples"),
        ({"axes": {"a": [1]}, "method": "random", "samples": 0}, "samples"),
    ],
)
def test_plans_that_make_no_sense_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SweepPlan.model_validate(fields)


def test_a_point_changes_what_it_names_and_nothing_else() -> None:
    config = Config()
    changed = at_point(config, {"costs.fee_bps": 2, "enter_above": 0.2})
    assert changed == Config(enter_above=0.2, costs=Costs(fee_bps=2.0))
    assert config == Config()


@pytest.mark.parametrize(
    "point", [{"costs.fee_bps": -1}, {"enter_above": 0.01}, {"enter_above": "much"}]
)
def test_a_point_is_validated(point: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        at_point(Config(), point)


@pytest.mark.parametrize("path", ["fees", "costs.fees", "enter_above.x", "fees.fee_bps", ""])
def test_a_path_to_nowhere_is_named(path: str) -> None:
    with pytest.raises(UnknownFieldError, match=f"no field '{path}'"):
        at_point(Config(), {path: 1})
