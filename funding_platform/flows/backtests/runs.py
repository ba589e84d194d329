"""Backtests over the lake: run and stored, run again, set side by side.

A run pins the snapshot of the lake first and reads only that, so that what is collected meanwhile,
or corrected later, changes neither the run nor its repetition.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.results.run_row import frame_digest, run_figures, strategy_name
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, FRAMES
from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.flows.backtests.store import (
    append_run,
    code_of,
    new_id,
    newest_snapshot,
    require_identity,
)
from funding_platform.flows.errors import FlowError, RerunDiffersError
from funding_platform.flows.progress import begin
from funding_platform.flows.queries.connection import open_lake
from funding_platform.flows.queries.trading.runs import StoredRun, load_run
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

COMPARED = (
    "net_pnl_usd",
    *COMPONENTS,
    "total_return",
    "annualised_return",
    "volatility",
    "sharpe",
    "sharpe_low",
    "sharpe_high",
    "sharpe_adjusted",
    "sharpe_adjusted_low",
    "sharpe_adjusted_high",
    "effective_days",
    "sortino",
    "calmar",
    "max_drawdown",
    "max_drawdown_days",
    "n_trades",
    "hit_rate",
    "turnover",
    "mean_holding_hours",
    "capacity_usd",
)
"""Figures of two runs that mean something side by side."""


def run_and_store(
    settings: Settings,
    config: BacktestConfig,
    *,
    name: str | None = None,
    author: str | None = None,
) -> StoredRun:
    """Run a configuration over the lake as it is now, and store all that came of it in one commit.

    Parameters
    ----------
    name
        What to call it; the strategy's name when None.
    author
        Who commits, as the lake's snapshots name it; the run itself when None.

    Raises
    ------
    LakeMissingError
        If nothing has been collected yet.
    BacktestError
        If the data or the strategy will not do; nothing was stored.
    IdentityError
        If the books of the run do not add up; nothing was stored.
    """
    started, snapshot = datetime.now(UTC), newest_snapshot(settings)
    run_id, done = new_id("run", started), begin("backtest: read, run, store", 3)
    provider = provider_from_lake(settings, config, snapshot)
    done()
    result = run_backtest(config, provider)
    del provider  # storing needs its memory
    done()
    require_identity(result.identity_error, run_id)
    row = {
        "run_id": run_id,
        "name": name or strategy_name(config),
        "sweep_id": None,
        "trial": None,
        "whole": True,
        **run_figures(result),
        "code_version": code_of(config),
        "lake_snapshot_id": snapshot,
        "started_at": started,
        "finished_at": datetime.now(UTC),
    }
    with Lake(settings) as lake:
        lake.write(
            author or run_id,
            f"backtest {run_id}",
            lambda transaction: append_run(transaction, row, result),
            tables=(RUNS, *FRAMES),
        )
    done()
    return StoredRun(row, result)


def rerun(settings: Settings, run_id: str) -> StoredRun:
    """Run a stored run again on the snapshot that it had read, and prove that nothing differs.

    Nothing is stored. Equal digests of the data and of every frame, stored and of now, are equal
    bits.

    Returns
    -------
    StoredRun
        The stored row with the result of now, whole for a trial of a sweep too.

    Raises
    ------
    UnknownRunError
        If no stored run goes by that id.
    SnapshotExpiredError
        If the lake does not keep that snapshot any more.
    RerunDiffersError
        If the data is not what it was, or the result is not.
    FlowError
        If the run did not read the lake.
    """
    with open_lake(settings) as lake:
        stored = load_run(lake, run_id)
    snapshot = stored.row["lake_snapshot_id"]
    if snapshot is None:
        raise FlowError(f"{stored.run_id} was not run over the lake; it cannot be run again")
    config, done = stored.config, begin("backtest: read, run, compare", 3)
    provider = provider_from_lake(settings, config, snapshot)
    done()
    again = run_backtest(config, provider)
    del provider
    done()
    differences = list(_differences(stored, again))
    done()
    if differences:
        raise RerunDiffersError(
            f"{stored.run_id} does not come out as it was: {'; '.join(differences)}",
            hint=_why(stored.row["code_version"], code_of(config)),
        )
    return StoredRun(stored.row, again)


def compare_runs(first: Mapping[str, Any], second: Mapping[str, Any]) -> pl.DataFrame:
    """Put two stored runs side by side.

    Parameters
    ----------
    first, second
        Rows of ``backtest.runs``, as from ``run_row``.

    Returns
    -------
    polars.DataFrame
        ``figure``, one column per run, and ``change``: the second less the first, null where
        either is undefined.

    Raises
    ------
    FlowError
        If they are one run.
    """
    rows = first, second
    if first["run_id"] == second["run_id"]:
        raise FlowError(f"both are one run: {first['run_id']}", hint="name two different ones")
    return pl.DataFrame(
        {
            "figure": COMPARED,
            **{row["run_id"]: [figure(row, name) for name in COMPARED] for row in rows},
        },
        schema_overrides={row["run_id"]: pl.Float64 for row in rows},
    ).with_columns(change=pl.col(second["run_id"]) - pl.col(first["run_id"]))


def config_changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> pl.DataFrame:
    """List the fields in which two stored runs' configurations differ: ``field``, both values."""
    flat = [_flat(json.loads(row["config"])) for row in (first, second)]
    names = [name for name in {**flat[0], **flat[1]} if flat[0].get(name) != flat[1].get(name)]
    values = [[str(one.get(name, "")) for name in names] for one in flat]
    return pl.DataFrame(
        {"field": names, "first": values[0], "second": values[1]},
        schema={"field": pl.String, "first": pl.String, "second": pl.String},
    )


def figure(row: Mapping[str, Any], name: str) -> float | None:
    """Return one of the ``COMPARED`` of a stored run; None where it is undefined."""
    return None if row[name] is None else float(row[name])


def _differences(stored: StoredRun, again: BacktestResult) -> Iterator[str]:
    """Say what is not as it was, one sentence each."""
    if again.data_fingerprint != stored.row["data_fingerprint"]:
        yield "the data is not what was read"
    for table in FRAMES:
        now: pl.DataFrame = getattr(again, table.name)
        then: pl.DataFrame | None = getattr(stored.result, table.name) if stored.result else None
        kept = stored.row[f"{table.name}_digest"]
        if frame_digest(now) != kept or (then is not None and frame_digest(then) != kept):
            yield f"{table.name}: {_difference(then, now)}"


def _why(code_then: str, code_now: str) -> str:
    """Say what most likely made the difference."""
    if code_then == code_now:
        return "the code is what it was: the lake, or what is stored of the run, was altered"
    whose = "the code"
    if code_then.partition(" ")[0] == code_now.partition(" ")[0]:
        whose = "the code of the strategy"
    return f"{whose} has changed: it was {code_then}, and is {code_now}"


def _difference(then: pl.DataFrame | None, now: pl.DataFrame) -> str:
    """Say where two frames part."""
    if then is None:
        return "its digest is another one"
    if then.height != now.height:
        return f"{then.height:,} rows then, {now.height:,} now"
    for name in now.columns:
        differing = (then[name].ne_missing(now[name])).arg_true()
        if len(differing):
            row = differing[0]
            return (
                f"{len(differing):,} values of {name} differ, the first in row {row}: "
                f"{then[name][row]} then, {now[name][row]} now"
            )
    return "its digest is another one, although every value is the same"


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested fields by dotted path."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        found |= _flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return found
