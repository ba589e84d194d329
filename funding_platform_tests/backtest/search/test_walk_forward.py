"""Walk-forward: the folds, the choice that cannot see ahead, and the stitched equity."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from funding_platform.backtest.errors import SweepError
from funding_platform.backtest.search.parameters import Point
from funding_platform.backtest.search.walk_forward import (
    WalkForward,
    WalkForwardPlan,
    folds,
    walk_forward,
)
from funding_platform.core.time_grid import Window
from funding_platform_tests.backtest.results.equities import DAY, START, equity_frame

DAYS = 40
HISTORY = Window(START, START + DAYS * DAY)
PLAN = WalkForwardPlan(in_sample_days=10, out_of_sample_days=7, floor=None)
WITH_FLOOR = WalkForwardPlan(in_sample_days=10, out_of_sample_days=7)
POINTS: list[Point] = [{"asset": asset} for asset in range(3)]


def walk(returns: np.ndarray, plan: WalkForwardPlan = PLAN) -> WalkForward:
    """Choose the asset that earned most, of one return per day and asset."""

    def between(point: Point, window: Window) -> np.ndarray:
        first, last = ((moment - START) // DAY for moment in (window.start, window.end))
        return returns[first:last, point["asset"]]

    def score(point: Point, window: Window) -> float | None:
        total = float(between(point, window).sum())
        return None if np.isnan(total) else total

    def run(point: Point, window: Window, capital: float) -> pl.DataFrame:
        growth = capital * np.cumprod(1 + between(point, window))
        times = [window.start + (k + 1) * DAY for k in range(len(growth))]
        return equity_frame([(window.start, capital), *zip(times, growth.tolist(), strict=True)])

    return walk_forward(HISTORY, plan, POINTS, score=score, run=run, capital=1_000.0)


def made_up(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.01, (DAYS, 3))


@given(st.floats(1, 39), st.floats(1, 50), st.booleans())
def test_folds_adjoin_and_choose_on_the_past_only(
    choosing: float, holding: float, anchored: bool
) -> None:
    plan = WalkForwardPlan(in_sample_days=choosing, out_of_sample_days=holding, anchored=anchored)
    found = folds(HISTORY, plan)
    assert found[0].out_of_sample.start == HISTORY.start + timedelta(days=choosing)
    assert found[-1].out_of_sample.end == HISTORY.end
    for before, after in pairwise(found):
        assert before.out_of_sample.end == after.out_of_sample.start
    for fold in found:
        assert fold.in_sample.end == fold.out_of_sample.start
        assert fold.in_sample.start >= HISTORY.start
        assert not anchored or fold.in_sample.start == HISTORY.start


def test_a_window_without_room_is_refused() -> None:
    with pytest.raises(SweepError, match="leaves nothing after 40 days"):
        folds(HISTORY, WalkForwardPlan(in_sample_days=40, out_of_sample_days=1))


@pytest.mark.parametrize("days", [0.0, -1.0, 1e-6, 36_601.0, 1e12, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["in_sample_days", "out_of_sample_days"])
def test_a_plan_has_days_that_can_be_counted(name: str, days: float) -> None:
    with pytest.raises(ValidationError, match=name):
        WalkForwardPlan(**{"in_sample_days": 1.0, "out_of_sample_days": 1.0, name: days})


@given(st.integers(0, 50), st.integers(0, 3))
def test_nothing_after_a_fold_began_changes_its_choice(seed: int, number: int) -> None:
    returns = made_up(seed)
    before = walk(returns)
    cut = (before.folds[number].fold.out_of_sample.start - START) // DAY
    changed = returns.copy()
    changed[cut:] = made_up(seed + 1_000)[cut:]
    after = walk(changed)
    kept = slice(number + 1)
    assert [one.point for one in before.folds[kept]] == [one.point for one in after.folds[kept]]
    begin = before.folds[number].fold.out_of_sample.start
    early = pl.col("time") <= begin
    assert before.equity.filter(early).equals(after.equity.filter(early))


def test_the_stitched_equity_is_the_chosen_returns_compounded() -> None:
    returns = made_up(7)
    found = walk(returns)
    chosen: list[float] = []
    for one in found.folds:
        first, last = (
            (moment - START) // DAY
            for moment in (one.fold.out_of_sample.start, one.fold.out_of_sample.end)
        )
        past = returns[first - 10 : first].sum(axis=0)
        assert one.point == {"asset": int(past.argmax())}
        assert one.score == pytest.approx(past.max())
        chosen += returns[first:last, int(past.argmax())].tolist()
    assert found.equity["equity"].to_list() == pytest.approx(
        [1_000.0, *(1_000.0 * np.cumprod(1 + np.array(chosen))).tolist()]
    )
    assert found.equity["time"].is_sorted()
    assert found.equity["time"].n_unique() == found.equity.height
    growth = np.prod([1 + one.out_of_sample_return for one in found.folds])
    assert found.equity["equity"][-1] == pytest.approx(1_000.0 * growth)


def test_equal_scores_take_the_first_point() -> None:
    assert {one.point["asset"] for one in walk(np.zeros((DAYS, 3))).folds if one.point} == {0}


def test_a_fold_without_a_score_is_sat_out() -> None:
    returns = made_up(1)
    returns[:10] = np.nan
    first: Any = walk(returns).folds[0]
    assert (first.point, first.score, first.out_of_sample_return) == (None, None, 0.0)


def test_where_every_point_lost_nothing_is_traded() -> None:
    returns = made_up(4)
    returns[:10] = -np.abs(returns[:10])
    first: Any = walk(returns, WITH_FLOOR).folds[0]
    assert (first.point, first.out_of_sample_return) == (None, 0.0)
    assert first.score < 0
    assert first.score == pytest.approx(returns[:10].sum(axis=0).max())
    chosen: Any = walk(returns).folds[0]
    assert chosen.point == {"asset": int(returns[:10].sum(axis=0).argmax())}


@given(st.integers(0, 200))
def test_a_floor_only_takes_folds_away(seed: int) -> None:
    returns = made_up(seed)
    for free, held in zip(walk(returns).folds, walk(returns, WITH_FLOOR).folds, strict=True):
        assert free.score is not None
        assert held.point == (free.point if free.score > 0 else None)


def test_what_is_lost_is_not_run_again() -> None:
    returns = made_up(2)
    returns[12] = -1.0
    found = walk(returns)
    assert found.equity["equity"][-1] == 0
    assert [one.point for one in found.folds[1:]] == [None] * (len(found.folds) - 1)
