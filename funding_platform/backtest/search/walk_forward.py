"""Choosing on the past, earning on what comes after, again and again.

A sweep's best configuration was chosen with the whole history in sight. Here it is chosen on one
window, run on the next, and only the equity of those next windows counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from funding_platform.backtest.errors import SweepError
from funding_platform.backtest.search.parameters import Point
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import Window

Score = Callable[[Point, Window], float | None]
"""How good a point is on a window, e.g. its Sharpe ratio; None where it has none."""

RunEquity = Callable[[Point, Window, float], pl.DataFrame]
"""The equity (``time``, ``equity``) of a point over a window, from a capital in USD."""

MIN_DAYS: Final = 1 / 24
"""An hour, the shortest funding interval: shorter folds settle nothing, and never end."""

MAX_DAYS: Final = 36_600.0
"""A century: longer than any window, and still a date when it is added to one."""


class WalkForwardPlan(BaseModel):
    """How long is chosen on, and how long the choice is held."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    in_sample_days: float = Field(
        ge=MIN_DAYS, le=MAX_DAYS, description="Days that a choice is made on."
    )
    out_of_sample_days: float = Field(
        ge=MIN_DAYS, le=MAX_DAYS, description="Days that it is then run for."
    )
    anchored: bool = Field(
        default=False, description="Choose on all days since the start, not on the last ones."
    )
    floor: float | None = Field(
        default=0.0,
        description="Score in sample that the best point must exceed, or the fold is sat out in "
        "cash: above 0 it earned something. None takes the best, however bad.",
    )


@dataclass(frozen=True, slots=True)
class Fold:
    """One choice: the window it is made on, and the window right after, which it is run on."""

    in_sample: Window
    out_of_sample: Window


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What was chosen, how good it looked, and what it then earned."""

    fold: Fold
    point: Point | None
    """None where no point had a score above the floor: the fold was sat out in cash."""
    score: float | None
    """The best in sample, chosen or not; None where no point had one."""
    out_of_sample_return: float


@dataclass(frozen=True, slots=True)
class WalkForward:
    """All folds in the order of time, and the equity of their out-of-sample windows in one."""

    folds: list[FoldResult]
    equity: pl.DataFrame


def folds(window: Window, plan: WalkForwardPlan) -> list[Fold]:
    """Divide a window into folds: out-of-sample windows adjoin, and the last ends with the window.

    Raises
    ------
    SweepError
        If the window has no room for a day out of sample.
    """
    choosing, holding = (
        timedelta(days=days) for days in (plan.in_sample_days, plan.out_of_sample_days)
    )
    found, begin = [], window.start + choosing
    while begin < window.end:
        chosen_from = window.start if plan.anchored else begin - choosing
        found.append(
            Fold(Window(chosen_from, begin), Window(begin, min(begin + holding, window.end)))
        )
        begin += holding
    if not found:
        raise SweepError(
            f"{window} leaves nothing after {plan.in_sample_days:g} days in sample",
            hint="take a longer window, or choose on fewer days",
        )
    return found


def walk_forward(
    window: Window,
    plan: WalkForwardPlan,
    points: Sequence[Point],
    *,
    score: Score,
    run: RunEquity,
    capital: float,
) -> WalkForward:
    """Choose the best point of each fold in sample, and run it out of sample.

    ``score`` sees the in-sample window and nothing else, hence no choice depends on what came
    after it. Of points with equal scores the first is taken; where none exceeds the plan's floor,
    nothing is traded: the least bad of points that all lost is no choice. Each fold starts with
    what the one before it left, so that the stitched equity is one that could have been had;
    positions are closed, and paid for, at the end of each fold.

    Parameters
    ----------
    window
        The whole history.
    plan
        Its division.
    points
        What is chosen from, in order.
    score
        Asked for each point on each in-sample window.
    run
        Asked for the chosen point on each out-of-sample window.
    capital
        USD at the start of the first out-of-sample window.

    Raises
    ------
    SweepError
        If the window has no room for a fold.
    """
    done: list[FoldResult] = []
    pieces: list[pl.DataFrame] = []
    for fold in folds(window, plan):
        scores = ((score(point, fold.in_sample), point) for point in points)
        rated = [(value, point) for value, point in scores if value is not None]
        span = fold.out_of_sample
        value, point = max(rated, key=itemgetter(0), default=(None, None))  # first of equal ones
        if point is not None and capital > 0 and _reaches(value, plan.floor):
            piece = run(point, span, capital).select("time", "equity")
        else:
            point, piece = None, _flat(span, capital)
        closing = float(piece["equity"][-1])
        earned = closing / capital - 1.0 if capital > 0 else 0.0
        done.append(FoldResult(fold, point, value, earned))
        pieces.append(piece)
        capital = closing
    stitched = pl.concat(pieces).unique("time", keep="last", maintain_order=True)
    return WalkForward(done, stitched)


def _reaches(score: float | None, floor: float | None) -> bool:
    return floor is None or (score is not None and score > floor)


def _flat(span: Window, capital: float) -> pl.DataFrame:
    """Hold cash: return an equity that does not move."""
    return pl.DataFrame(
        {"time": [span.start, span.end], "equity": [capital, capital]},
        schema={"time": UTC_TIME, "equity": pl.Float64},
    )
