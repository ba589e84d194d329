"""Sweeps over the lake, stored as runs of one sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.deflated_sharpe import ReturnMoments
from funding_platform.backtest.results.returns import known_returns
from funding_platform.backtest.results.run_row import run_figures, strategy_name
from funding_platform.backtest.search.parameters import SweepPlan
from funding_platform.backtest.search.sweeps import MOMENTS, Trial, best_of, sweep
from funding_platform.core.system.shards import Spread
from funding_platform.core.tables.backtests.runs import RUNS, SWEEPS
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.flows.backtests.sharing import SharedLake, shared
from funding_platform.flows.backtests.store import (
    append_rows,
    belongs,
    code_of,
    made,
    new_id,
    newest_snapshot,
    require_identity,
    trial_id,
)
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class StoredSweep:
    """A sweep with its row of ``backtest.sweeps`` and all its trials."""

    row: Mapping[str, Any]
    trials: list[Trial]


@dataclass(frozen=True, slots=True)
class LakeOpener(SharedLake):
    """Opens what trials share, in whichever process, and gives what runs one of them."""

    def __call__(self) -> Callable[[BacktestConfig], Mapping[str, Any]]:
        """Return the function that runs one configuration, on the data in common where it can."""
        data = self.opened()

        def run(config: BacktestConfig) -> Mapping[str, Any]:
            started = datetime.now(UTC)
            result = run_backtest(config, data.of(config))
            require_identity(result.identity_error, "a trial")
            return {
                **run_figures(result),
                "code_version": code_of(config),
                "started_at": started,
                "finished_at": datetime.now(UTC),
                MOMENTS: ReturnMoments.of(known_returns(result.equity)),
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
        trials = sweep(
            config,
            points,
            opener,
            spread=settings.spread(Spread(workers=workers)),
            on_done=on_done,
        )
    sweep_id, called = new_id("sweep", started), name or strategy_name(config)
    best = best_of(trials)
    rows = [
        {**one.figures, **belongs(sweep_id, one.number, called, snapshot), "whole": False}
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
        **({} if best is None else {"best_run_id": trial_id(sweep_id, best[0]), **best[1]}),
        **made(config, snapshot, started),
    }
    with (
        Lake(settings) as lake,
        lake.commit(
            sweep_id, f"{called}, {len(trials)} trials", tables=(SWEEPS, RUNS)
        ) as transaction,
    ):
        append_rows(transaction, SWEEPS, [row])
        append_rows(transaction, RUNS, rows)
    return StoredSweep(row, trials)
