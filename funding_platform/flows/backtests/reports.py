"""A stored run as people read it: its venue pairs, its exits, and one HTML file with everything."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from funding_platform.backtest.results.report import ReportInput, html_report
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.search.walk_forward import FoldResult
from funding_platform.backtest.stress.losses import stressed
from funding_platform.backtest.stress.scenarios import built_in
from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.flows.backtests.runs import COMPARED, figure
from funding_platform.flows.backtests.stress import instruments_of
from funding_platform.flows.errors import FlowError
from funding_platform.flows.progress import step
from funding_platform.flows.queries.trading.runs import StoredRun
from funding_platform.settings import Settings

FOLDER: Final = "backtests"
"""Below the data folder: where reports are written."""


def write_report(
    settings: Settings,
    run: StoredRun,
    path: Path | None = None,
    *,
    capacity: pl.DataFrame | None = None,
) -> Path:
    """Write the report of a run; its path.

    Parameters
    ----------
    path
        Where to; ``backtests/<run>.html`` in the data folder when None.
    capacity
        The run at other sizes, as from ``capacity_of``; its own trades scaled when None.

    Raises
    ------
    FlowError
        If the run is a trial of a sweep, of which figures only are kept, or the file cannot be
        written.
    """
    with step("backtest: report"):
        text = html_report(report_input(settings, run, capacity=capacity))
        path = path or report_file(settings, run.run_id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise FlowError(
                f"{path}: the report cannot be written: {error.strerror or error}",
                hint="give --output a file in a folder that can be written; the run is kept, and "
                "`funding backtest report` writes it again",
            ) from error
    return path


def report_file(settings: Settings, run_id: str) -> Path:
    """Say where the report of a run is written."""
    return settings.data_dir / FOLDER / f"{run_id}.html"


def report_input(
    settings: Settings, run: StoredRun, *, capacity: pl.DataFrame | None = None
) -> ReportInput:
    """Collect what a report shows of a run.

    Raises
    ------
    FlowError
        If the run is a trial of a sweep, of which figures only are kept.
    """
    result, instruments = result_of(run), instruments_of(settings)
    return ReportInput(
        title=report_title(run),
        facts=run_facts(run),
        result=result,
        stress=stressed(result, built_in(), instruments),
        capacity=capacity,
        instruments=instruments,
    )


def report_title(run: StoredRun) -> str:
    """Write what stands above everything."""
    return f"{run.row['name']}: {run.run_id}"


def result_of(run: StoredRun) -> BacktestResult:
    """Return what a run left, frame by frame.

    Raises
    ------
    FlowError
        If it is a trial of a sweep, of which figures only are kept.
    """
    if run.result is None:
        raise FlowError(
            f"{run.run_id} is a trial of a sweep: its figures are kept, its trades are not",
            hint="run its configuration by itself: `funding backtest show --config` prints it",
        )
    return run.result


def run_facts(run: StoredRun) -> dict[str, str]:
    """Say in words what identifies a run."""
    row = run.row
    return {
        "run": run.run_id,
        "strategy": str(row["strategy"]),
        "window": f"{_minute(row['window_start'])} to {_minute(row['window_end'])} UTC",
        "capital": f"{row['capital_usd']:,.0f} USD",
        "run at": f"{_minute(row['started_at'])} UTC",
        "lake snapshot": "none" if (one := row["lake_snapshot_id"]) is None else str(one),
        "code": str(row["code_version"]),
        "data": str(row["data_fingerprint"]),
        "identity error": f"{row['identity_error']:.1e} of the capital",
    }


def by_group(result: BacktestResult, name: str) -> pl.DataFrame:
    """Sum up closed positions by one of their columns, the one that earned most first.

    Returns
    -------
    polars.DataFrame
        The column, ``positions``, ``net_usd``, ``funding_usd``, ``price_usd``, ``costs_usd``,
        ``hit_rate``, ``mean_hours``.
    """
    earned = pl.col("funding_usd") + pl.col("price_pnl_usd")
    held = (pl.col("closed_at") - pl.col("opened_at")) / pl.duration(hours=1)
    return (
        result.positions.filter(pl.col("closed_at").is_not_null())
        .group_by(name, maintain_order=True)
        .agg(
            pl.len().alias("positions"),
            pl.col("net_pnl_usd").sum().alias("net_usd"),
            pl.col("funding_usd").sum(),
            pl.col("price_pnl_usd").sum().alias("price_usd"),
            (earned - pl.col("net_pnl_usd")).sum().alias("costs_usd"),
            (pl.col("net_pnl_usd") > 0).mean().alias("hit_rate"),
            held.mean().alias("mean_hours"),
        )
        .sort("net_usd", name, descending=[True, False])
    )


def figure_table(row: Mapping[str, Any]) -> pl.DataFrame:
    """Lay out the figures of a stored run, one row each: ``figure``, ``value``, ``unit``."""
    return pl.DataFrame(
        [(name, figure(row, name), RUNS.column(name).unit) for name in COMPARED],
        schema={"figure": pl.String, "value": pl.Float64, "unit": pl.String},
        orient="row",
    )


def sweep_verdict(row: Mapping[str, Any]) -> str:
    """Say in a sentence what the best trial of a sweep is worth."""
    if row.get("best_run_id") is None:
        return f"none of {row['n_trials']} trials has a Sharpe ratio"
    deflated = row["deflated_sharpe"]
    worth = (
        "too few days to say what that is worth"
        if deflated is None
        else f"deflated Sharpe ratio {deflated:.1%}"
    )
    return (
        f"best {row['best_run_id']}: Sharpe ratio {row['sharpe']:.2f}, return "
        f"{row['total_return']:.2%}; the best of {row['n_trials']} trials without any skill would "
        f"show {row['luck_sharpe']:.2f}: {worth}"
    )


def fold_table(folds: Sequence[FoldResult]) -> pl.DataFrame:
    """List the folds of a walk-forward: window out of sample, choice, what it promised and earned.

    Where a fold was sat out in cash, a column ``note`` says so.
    """
    axes = dict.fromkeys(path for one in folds for path in one.point or ())
    columns: dict[str, Sequence[Any]] = {
        "from": [one.fold.out_of_sample.start for one in folds],
        "to": [one.fold.out_of_sample.end for one in folds],
        **{
            path: [None if one.point is None else one.point[path] for one in folds] for path in axes
        },
        "Sharpe in sample": [one.score for one in folds],
        "return out of sample": [one.out_of_sample_return for one in folds],
    }
    notes = ["sat out in cash" if one.point is None else None for one in folds]
    if any(notes):
        columns["note"] = notes
    # An axis may mix whole numbers and fractions, or numbers and words.
    return pl.DataFrame([pl.Series(name, values, strict=False) for name, values in columns.items()])


def walk_verdict(row: Mapping[str, Any]) -> str:
    """Say in a sentence what a walk-forward earned out of sample."""
    ratio = "undefined" if row["sharpe"] is None else f"{row['sharpe']:.2f}"
    return f"out of sample: return {row['total_return']:.2%}, Sharpe ratio {ratio}"


def _minute(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
