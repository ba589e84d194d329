"""Many configurations over one panel, on as many processes as asked for.

What a run is comes from outside: an ``Opener`` is called once in each process and gives the
function that runs one configuration. It opens what all runs share, memory-mapped, so that data is
neither copied per process nor sent per configuration.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

from funding_platform.backtest.errors import SweepError
from funding_platform.backtest.results.deflated_sharpe import deflated_sharpe, expected_best_sharpe
from funding_platform.backtest.results.returns import DAYS_PER_YEAR
from funding_platform.backtest.search.parameters import Point, at_point
from funding_platform.core.errors import FundingError
from funding_platform.core.system.shards import HERE, ShardError, Spread, map_shards, opened_once

Run = Callable[[Any], Mapping[str, Any]]
"""Runs one configuration and gives its figures."""

Opener = Callable[[], Run]
"""Opens what runs share and gives ``Run``; picklable, as every process calls it for itself."""

MOMENTS = "moments"
"""Figure of a trial that is neither stored nor shown: what the deflated Sharpe ratio needs."""

RUN_FAILURES = (FundingError, ValueError, ArithmeticError)
"""What costs one trial and not the sweep. Anything else is a fault of the program."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of a sweep with what came of it: figures, or an error in words."""

    number: int
    point: Point
    figures: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


def sweep(
    config: BaseModel,
    points: Sequence[Point],
    opener: Opener,
    *,
    spread: Spread = HERE,
    on_done: Callable[[], None] = lambda: None,
) -> list[Trial]:
    """Run the configuration at every point.

    Trials come back in the order of the points, whatever the order in which they ended, and equal
    wherever they are run: a run depends on its configuration and the shared data alone.

    Parameters
    ----------
    config
        What all points have in common.
    points
        As from ``SweepPlan.points``.
    opener
        Called once per process.
    spread
        Where runs are worked on; by default in this process.
    on_done
        Called after each trial.

    Returns
    -------
    list of Trial
        A point that makes no valid configuration, or whose run fails, has an ``error``.

    Raises
    ------
    SweepError
        If a worker dies, for example for want of memory.
    """
    trials: dict[int, Trial] = {}
    valid: dict[int, BaseModel] = {}
    for number, point in enumerate(points):
        try:
            valid[number] = at_point(config, point)
        except (FundingError, ValueError) as error:
            trials[number] = Trial(number, point, error=str(error))
            on_done()

    numbers = [*valid]

    def note(position: int, outcome: _Outcome) -> None:
        figures, error = outcome
        number = numbers[position]
        trials[number] = Trial(number, points[number], figures or {}, error)
        on_done()

    run = opened_once(partial(_outcomes, opener))
    try:
        map_shards(run, [*valid.values()], spread, on_result=note)
    except ShardError as error:
        raise SweepError(f"of the sweep, {error.message}", hint=error.hint) from error
    return [trials[number] for number in sorted(trials)]


def trials_frame(trials: Sequence[Trial]) -> pl.DataFrame:
    """Make a row per trial: ``number``, ``config.<path>`` of each axis, the figures, ``error``.

    ``MOMENTS`` are left out, as no column holds them.
    """
    rows = [
        {
            "number": one.number,
            **{f"config.{path}": value for path, value in one.point.items()},
            **{name: value for name, value in one.figures.items() if name != MOMENTS},
        }
        for one in trials
    ]
    errors = pl.Series("error", [one.error for one in trials], dtype=pl.String)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame(
        [pl.Series(name, [row.get(name) for row in rows], strict=False) for name in names]
    ).with_columns(errors)


def best_of(trials: Sequence[Trial]) -> tuple[int, dict[str, float | None]] | None:
    """Find the number of the best trial, and what its ratio is worth after so many.

    Returns
    -------
    tuple or None
        The figures are ``sharpe``, ``total_return``, ``luck_sharpe`` (annualised) and
        ``deflated_sharpe``. None where no trial has a ratio.
    """
    rated = [one for one in trials if one.figures.get("sharpe") is not None]
    if not rated:
        return None
    best = max(rated, key=lambda one: one.figures["sharpe"])  # the first of equal ones
    ratios = [one.figures[MOMENTS].sharpe for one in rated]
    variance = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    luck = expected_best_sharpe(len(trials), variance)
    return best.number, {
        "sharpe": best.figures["sharpe"],
        "total_return": best.figures["total_return"],
        "luck_sharpe": luck * DAYS_PER_YEAR**0.5,
        "deflated_sharpe": deflated_sharpe(best.figures[MOMENTS], len(trials), variance),
    }


_Outcome = tuple[Mapping[str, Any] | None, str | None]
"""The figures of a run or its error in words, never both."""


def _outcomes(opener: Opener) -> Callable[[BaseModel], _Outcome]:
    """Open what runs share, and return what runs one configuration."""
    return partial(_outcome, opener())


def _outcome(run: Run, config: BaseModel) -> _Outcome:
    try:
        return run(config), None
    except RUN_FAILURES as error:
        return None, f"{type(error).__name__}: {error}"
