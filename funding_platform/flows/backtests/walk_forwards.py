"""Walk-forwards over the lake: chosen on the past again and again, each fold stored as a run."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import SweepError
from funding_platform.backtest.results.ratios import sharpe
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.results.returns import known_returns
from funding_platform.backtest.results.run_row import run_figures, strategy_name
from funding_platform.backtest.search.parameters import Point, SweepPlan, at_point
from funding_platform.backtest.search.sweeps import Trial, sweep
from funding_platform.backtest.search.walk_forward import (
    Fold,
    FoldResult,
    WalkForwardPlan,
    folds,
    walk_forward,
)
from funding_platform.core.system.shards import Spread
from funding_platform.core.tables.backtests.ledgers import FRAMES
from funding_platform.core.tables.backtests.runs import RUNS, SWEEPS
from funding_platform.core.time_grid import Window
from funding_platform.flows.backtests.data import LakeData, provider_from_lake
from funding_platform.flows.backtests.sharing import SharedLake, shared
from funding_platform.flows.backtests.store import (
    append_rows,
    append_run,
    belongs,
    code_of,
    made,
    new_id,
    newest_snapshot,
    require_identity,
)
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

_SET_BY_FOLDS: Final = ("start", "end", "capital_usd")
"""What of a configuration a fold decides: its window, and what the fold before it left."""


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
class ScoreOpener(SharedLake):
    """Opens what runs in sample share, in whichever process, and gives what scores one of them."""

    def __call__(self) -> Callable[[BacktestConfig], Mapping[str, Any]]:
        """Return what gives a configuration's Sharpe ratio, on the data in common where it can."""
        data = self.opened()
        whole = {name: getattr(self.config, name) for name in ("start", "end")}

        def run(config: BacktestConfig) -> Mapping[str, Any]:
            result = run_backtest(config, data.of(config.model_copy(update=whole)))
            return {"sharpe": sharpe(known_returns(result.equity))}

        return run


def walk_forward_and_store(
    settings: Settings,
    config: BacktestConfig,
    plan: SweepPlan,
    division: WalkForwardPlan,
    *,
    name: str | None = None,
    workers: int = 1,
) -> StoredWalkForward:
    """Choose among the points of a plan again and again, and store the run of each fold, whole.

    No run in sample depends on another: they are spread over ``workers`` processes. The folds
    themselves follow one another, each with what the one before it left.

    A point whose run fails in sample has no score, and is not chosen; the stored row says why. A
    fold that was sat out in cash has no run; its number is missing among the trials.

    Raises
    ------
    LakeMissingError
        If nothing has been collected yet.
    BacktestError
        If a point makes no valid configuration, an axis is what a fold decides, the window has no
        room for a fold, not one run in sample succeeded, or a worker dies.
    """
    _require_free(plan)
    started, snapshot, points = datetime.now(UTC), newest_snapshot(settings), plan.points()
    for point in points:
        at_point(config, point)
    window = Window(*config.window)
    divided = folds(window, division)
    with shared(provider_from_lake(settings, config, snapshot)) as data:
        opener = ScoreOpener(settings, config, snapshot, data)
        scores = _Scores(config, divided, points, opener, settings.spread(Spread(workers=workers)))
        runs = _FoldRuns(config, LakeData(settings, snapshot, config, data()))
        found = walk_forward(
            window, division, points, score=scores.of, run=runs.equity, capital=config.capital_usd
        )
    sweep_id, called = new_id("walk", started), name or strategy_name(config)
    planned = {"points": plan, "division": division}
    row = {
        "sweep_id": sweep_id,
        "name": called,
        "method": "walk_forward",
        "config": config.model_dump_json(),
        "plan": json.dumps({one: part.model_dump(mode="json") for one, part in planned.items()}),
        "n_trials": len(points),
        "failures": scores.failures,
        "sharpe": sharpe(known_returns(found.equity)),
        "total_return": found.equity["equity"][-1] / config.capital_usd - 1.0,
        **made(config, snapshot, started),
    }
    with (
        Lake(settings) as lake,
        lake.commit(
            sweep_id, f"{called}, walked forward", tables=(SWEEPS, RUNS, *FRAMES)
        ) as transaction,
    ):
        append_rows(transaction, SWEEPS, [row])
        for number, fold in enumerate(found.folds):
            if fold.point is None:  # sat out in cash
                continue
            when, result = runs.done[fold.fold.out_of_sample]
            one = {**run_figures(result), **when, **belongs(sweep_id, number, called, snapshot)}
            append_run(transaction, {**one, "whole": True}, result)
    return StoredWalkForward(row, found.folds, found.equity, runs.warnings())


def _require_free(plan: SweepPlan) -> None:
    """Refuse axes that the folds decide."""
    if taken := [path for path in plan.axes if path in _SET_BY_FOLDS]:
        raise SweepError(
            f"a walk-forward cannot vary {', '.join(taken)}: each fold has a window of its own, "
            "and the capital that the one before it left",
            hint="set them in the configuration, or leave the walk-forward's options out",
        )


def _spanned(point: Point, window: Window, capital: float) -> Point:
    return {**point, "start": window.start, "end": window.end, "capital_usd": capital}


class _Scores:
    """The Sharpe ratio of every point in sample of every fold, and which runs failed."""

    def __init__(
        self,
        config: BacktestConfig,
        divided: Sequence[Fold],
        points: Sequence[Point],
        opener: ScoreOpener,
        spread: Spread,
    ) -> None:
        asked = [(number, fold.in_sample) for fold in divided for number in range(len(points))]
        spanned = [_spanned(points[number], span, config.capital_usd) for number, span in asked]
        on_done = begin("folds: choose", len(asked))
        trials = sweep(config, spanned, opener, spread=spread, on_done=on_done)
        self._points = points
        self._found: dict[tuple[int, Window], Trial] = dict(zip(asked, trials, strict=True))
        self.failures = [
            f"{number} in {span}: {trial.error}"
            for (number, span), trial in self._found.items()
            if trial.error is not None
        ]
        if len(self.failures) == len(asked):
            raise SweepError(
                f"none of {len(asked)} runs in sample succeeded, the first: {self.failures[0]}",
                hint="a run of the configuration by itself says the same",
            )

    def of(self, point: Point, window: Window) -> float | None:
        """Compute the ratio of a point over a window; None where it has none, or could not run."""
        ratio: float | None = self._found[self._points.index(point), window].figures.get("sharpe")
        return ratio


class _FoldRuns:
    """Runs points out of sample, and keeps what was run."""

    def __init__(self, config: BacktestConfig, data: LakeData) -> None:
        self._config, self._data = config, data
        self.done: dict[Window, tuple[dict[str, Any], BacktestResult]] = {}

    def equity(self, point: Point, window: Window, capital: float) -> pl.DataFrame:
        """Compute the equity of a point over a window, from a capital."""
        started = datetime.now(UTC)
        chosen = at_point(self._config, point)
        result = run_backtest(
            at_point(chosen, _spanned({}, window, capital)), self._data.of(chosen)
        )
        require_identity(result.identity_error, f"the fold {window}")
        when = {
            "code_version": code_of(result.config),
            "started_at": started,
            "finished_at": datetime.now(UTC),
        }
        self.done[window] = when, result
        return result.equity.select("time", "equity")

    def warnings(self) -> tuple[str, ...]:
        """List the warnings of what was run out of sample, each once, in the order of the folds."""
        said = (warning for _, result in self.done.values() for warning in result.warnings)
        return tuple(dict.fromkeys(said))
