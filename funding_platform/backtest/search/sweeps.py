"""Many configurations over one panel, on as many processes as asked for.

What a run is comes from outside: an ``Opener`` is called once in each process and gives the
function that runs one configuration. It opens what all runs share, memory-mapped, so that data is
neither copied per process nor sent per configuration.
"""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

from funding_platform.backtest.errors import SweepError
from funding_platform.backtest.results.deflated_sharpe import deflated_sharpe, expected_best_sharpe
from funding_platform.backtest.results.returns import DAYS_PER_YEAR
from funding_platform.backtest.search.parameters import Point, at_point
from funding_platform.core.errors import FundingError

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
    workers: int = 1,
    on_done: Callable[[], None] = lambda: None,
) -> list[Trial]:
    """Run the configuration at every point.

    Trials come back in the order of the points, whatever the order in which they ended, and equal
    for every number of workers: a run depends on its configuration and the shared data alone.

    Parameters
    ----------
    config
        What all points have in common.
    points
        As from ``SweepPlan.points``.
    opener
        Called once per process.
    workers
        Processes; with 1 everything runs in this one.
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

    def note(number: int, figures: Mapping[str, Any] | None, error: str | None) -> None:
        trials[number] = Trial(number, points[number], figures or {}, error)
        on_done()

    if workers == 1 or len(valid) < 2:
        run = opener() if valid else None
        for number, one in valid.items():
            assert run is not None
            note(number, *_outcome(run, one))
    else:
        _spread(valid, opener, min(workers, len(valid)), note)
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


def _spread(
    configs: Mapping[int, BaseModel],
    opener: Opener,
    workers: int,
    note: Callable[[int, Mapping[str, Any] | None, str | None], None],
) -> None:
    """Run each configuration in whichever process is free.

    Processes are spawned: a fork would copy locks of Polars' thread pool in whatever state.
    """
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_open, initargs=(opener,)
    )
    with pool:
        futures: dict[Future[tuple[Mapping[str, Any] | None, str | None]], int] = {
            pool.submit(_run_here, config): number for number, config in configs.items()
        }
        try:
            for future in as_completed(futures):
                note(futures[future], *future.result())
        except BrokenProcessPool as error:
            raise SweepError(
                "a worker of the sweep died before its run ended",
                hint="most often memory ran out: take fewer workers, or a shorter window",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_here: dict[str, Run] = {}
"""What this worker runs configurations with, by the fixed key ``run``."""


def _open(opener: Opener) -> None:
    _here["run"] = opener()


def _run_here(config: BaseModel) -> tuple[Mapping[str, Any] | None, str | None]:
    return _outcome(_here["run"], config)


def _outcome(run: Run, config: BaseModel) -> tuple[Mapping[str, Any] | None, str | None]:
    """Return the figures or the error in words, never both."""
    try:
        return run(config), None
    except RUN_FAILURES as error:
        return None, f"{type(error).__name__}: {error}"
