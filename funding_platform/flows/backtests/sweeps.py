"""Sweeps and walk-forwards over the lake, stored as runs of one sweep."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import SweepError
from funding_platform.backtest.results.deflated_sharpe import ReturnMoments
from funding_platform.backtest.results.ratios import sharpe
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.results.returns import daily_returns
from funding_platform.backtest.results.run_row import run_figures, strategy_name
from funding_platform.backtest.search.parameters import Point, SweepPlan, at_point
from funding_platform.backtest.search.sweeps import MOMENTS, RUN_FAILURES, Trial, best_of, sweep
from funding_platform.backtest.search.walk_forward import (
    FoldResult,
    WalkForwardPlan,
    folds,
    walk_forward,
)
from funding_platform.core.tables.backtest import RUNS, SWEEPS
from funding_platform.core.time_grid import Window
from funding_platform.flows.backtests.data import LakeData, provider_from_lake
from funding_platform.flows.backtests.sharing import SharedData, shared
from funding_platform.flows.backtests.store import (
    append_rows,
    append_run,
    code_of,
    new_id,
    newest_snapshot,
    require_identity,
)
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

_SET_BY_FOLDS = ("start", "end", "capital_usd")
"""What of a configuration a fold decides: its window, and what the fold before it left."""


@dataclass(frozen=True, slots=True)
class StoredSweep:
    """A sweep with its row of ``backtest.sweeps`` and all its trials."""

    row: Mapping[str, Any]
    trials: list[Trial]


@dataclass(frozen=True, slots=True)
class StoredWalkForward:
    """A walk-forward with its row of ``backtest.sweeps``, its folds and its stitched equity.

    ``warnings`` are those of the runs out of sample, each once.
    """

    row: Mapping[str, Any]
    folds: list[FoldResult]
    equity: pl.DataFrame
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LakeOpener:
    """Opens what trials share, in whichever process, and gives what runs one of them."""

    settings: Settings
    config: BacktestConfig
    snapshot_id: int
    data: SharedData

    def __call__(self) -> Callable[[BacktestConfig], Mapping[str, Any]]:
        """Return the function that runs one configuration, on the data in common where it can."""
        data = LakeData(self.settings, self.snapshot_id, self.config, self.data())

        def run(config: BacktestConfig) -> Mapping[str, Any]:
            started = datetime.now(UTC)
            result = run_backtest(config, data.of(config))
            require_identity(result.identity_error, "a trial")
            return {
                **run_figures(result),
                "code_version": code_of(config),
                "started_at": started,
                "finished_at": datetime.now(UTC),
                MOMENTS: ReturnMoments.of(_returns(result.equity)),
            }

        return run


def sweep_and_store(
    settings: Settings,
    config: BacktestConfig,
    plan: SweepPlan,
    *,
    name: str | None = None,
    workers: int = 1,
) -> StoredSweep:
    """Run a configuration at every point of a plan, and store one row of figures per trial.

    Raises
    ------
    LakeMissingError
        If nothing has been collected yet.
    DataError
        If the lake has nothing of what the configuration asks for.
    SweepError
        If a worker dies. A point that makes no valid run costs itself only.
    """
    started, snapshot, points = datetime.now(UTC), newest_snapshot(settings), plan.points()
    on_done = begin("trials", len(points))
    with shared(provider_from_lake(settings, config, snapshot)) as data:
        opener = LakeOpener(settings, config, snapshot, data)
        trials = sweep(config, points, opener, workers=workers, on_done=on_done)
    sweep_id, called = new_id("sweep", started), name or strategy_name(config)
    best = best_of(trials)
    rows = [
        {**one.figures, **_belongs(sweep_id, one.number, called, snapshot), "whole": False}
        for one in trials
        if one.error is None
    ]
    row = {
        "sweep_id": sweep_id,
        "name": called,
        "method": plan.method,
        "config": config.model_dump_json(),
        "plan": plan.model_dump_json(),
        "n_trials": len(trials),
        "failures": [f"{one.number}: {one.error}" for one in trials if one.error is not None],
        **({} if best is None else {"best_run_id": _trial_id(sweep_id, best[0]), **best[1]}),
        **_made(config, snapshot, started),
    }
    with (
        Lake(settings) as lake,
        lake.commit(sweep_id, f"{called}, {len(trials)} trials") as transaction,
    ):
        append_rows(transaction, SWEEPS, [row])
        append_rows(transaction, RUNS, rows)
    return StoredSweep(row, trials)


def walk_forward_and_store(
    settings: Settings,
    config: BacktestConfig,
    plan: SweepPlan,
    division: WalkForwardPlan,
    *,
    name: str | None = None,
) -> StoredWalkForward:
    """Choose among the points of a plan again and again, and store the run of each fold, whole.

    A point whose run fails in sample has no score, and is not chosen; the stored row says why. A
    fold that was sat out in cash has no run; its number is missing among the trials.

    Raises
    ------
    LakeMissingError
        If nothing has been collected yet.
    BacktestError
        If a point makes no valid configuration, an axis is what a fold decides, the window has no
        room for a fold, or not one run in sample succeeded.
    """
    if taken := [path for path in plan.axes if path in _SET_BY_FOLDS]:
        raise SweepError(
            f"a walk-forward cannot vary {', '.join(taken)}: each fold has a window of its own, "
            "and the capital that the one before it left",
            hint="set them in the configuration, or leave the walk-forward's options out",
        )
    started, snapshot, points = datetime.now(UTC), newest_snapshot(settings), plan.points()
    for point in points:
        at_point(config, point)
    window = Window(*config.window)
    sweep_id, called = new_id("walk", started), name or strategy_name(config)
    on_done = begin("folds: choose and run", len(folds(window, division)) * len(points))
    provider = provider_from_lake(settings, config, snapshot)
    runs = _FoldRuns(config, points, LakeData(settings, snapshot, config, provider), on_done)
    found = walk_forward(
        window, division, points, score=runs.score, run=runs.equity, capital=config.capital_usd
    )
    runs.require_one()
    planned = {"points": plan, "division": division}
    row = {
        "sweep_id": sweep_id,
        "name": called,
        "method": "walk_forward",
        "config": config.model_dump_json(),
        "plan": json.dumps({one: made.model_dump(mode="json") for one, made in planned.items()}),
        "n_trials": len(points),
        "failures": runs.failures,
        "sharpe": sharpe(_returns(found.equity)),
        "total_return": found.equity["equity"][-1] / config.capital_usd - 1.0,
        **_made(config, snapshot, started),
    }
    with Lake(settings) as lake, lake.commit(sweep_id, f"{called}, walked forward") as transaction:
        append_rows(transaction, SWEEPS, [row])
        for number, fold in enumerate(found.folds):
            if fold.point is None:  # sat out in cash
                continue
            made, result = runs.done[fold.fold.out_of_sample]
            belongs = _belongs(sweep_id, number, called, snapshot)
            append_run(
                transaction, {**run_figures(result), **made, **belongs, "whole": True}, result
            )
    return StoredWalkForward(row, found.folds, found.equity, runs.warnings())


class _FoldRuns:
    """Runs points over windows, and keeps what was run out of sample, and what failed in it."""

    def __init__(
        self,
        config: BacktestConfig,
        points: Sequence[Point],
        data: LakeData,
        on_done: Callable[[], None],
    ) -> None:
        self._config, self._points, self._data = config, points, data
        self._on_done = on_done
        self.done: dict[Window, tuple[dict[str, Any], BacktestResult]] = {}
        self.failures: list[str] = []
        self._scored = 0

    def score(self, point: Point, window: Window) -> float | None:
        """Compute a point's Sharpe ratio over a window; None where it has none, or cannot run."""
        try:
            result = self._run(point, window, self._config.capital_usd)
        except RUN_FAILURES as error:
            number = self._points.index(point)
            self.failures.append(f"{number} in {window}: {type(error).__name__}: {error}")
            return None
        finally:
            self._scored += 1
            self._on_done()
        return sharpe(_returns(result.equity))

    def equity(self, point: Point, window: Window, capital: float) -> pl.DataFrame:
        """Compute the equity of a point over a window, from a capital."""
        started = datetime.now(UTC)
        result = self._run(point, window, capital)
        require_identity(result.identity_error, f"the fold {window}")
        made = {
            "code_version": code_of(result.config),
            "started_at": started,
            "finished_at": datetime.now(UTC),
        }
        self.done[window] = made, result
        return result.equity.select("time", "equity")

    def require_one(self) -> None:
        """Refuse a walk-forward without a single run in sample: cash was no choice of anyone's."""
        if self.failures and len(self.failures) == self._scored:
            raise SweepError(
                f"none of {self._scored} runs in sample succeeded, the first: {self.failures[0]}",
                hint="a run of the configuration by itself says the same",
            )

    def warnings(self) -> tuple[str, ...]:
        """List the warnings of what was run out of sample, each once, in the order of the folds."""
        said = (warning for _, result in self.done.values() for warning in result.warnings)
        return tuple(dict.fromkeys(said))

    def _run(self, point: Point, window: Window, capital: float) -> BacktestResult:
        span = {"start": window.start, "end": window.end, "capital_usd": capital}
        chosen = at_point(self._config, point)
        return run_backtest(at_point(chosen, span), self._data.of(chosen))


def _belongs(sweep_id: str, number: int, name: str, snapshot: int) -> dict[str, Any]:
    return {
        "run_id": _trial_id(sweep_id, number),
        "name": name,
        "sweep_id": sweep_id,
        "trial": number,
        "lake_snapshot_id": snapshot,
    }


def _trial_id(sweep_id: str, number: int) -> str:
    return f"{sweep_id}-{number:04d}"


def _made(config: BacktestConfig, snapshot: int, started: datetime) -> dict[str, Any]:
    return {
        "code_version": code_of(config),
        "lake_snapshot_id": snapshot,
        "started_at": started,
        "finished_at": datetime.now(UTC),
    }


def _returns(equity: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the daily returns that are defined."""
    return daily_returns(equity)["return"].drop_nulls().to_numpy()
