"""The tables of schema ``backtest`` that say what was run: one row per run, one per sweep."""

from collections.abc import Iterator
from typing import Final

from funding_platform.core.tables.backtests.ledgers import (
    COMPONENTS,
    EARNINGS,
    FRAMES,
    MAX_IDENTITY_ERROR,
    RUN_ID,
    components_column,
    signed_usd_column,
)
from funding_platform.core.tables.schema import Column, Table, Type


def _shares() -> Iterator[Column]:
    """Declare the share that each component has in the net, costs negative."""
    for name in COMPONENTS:
        stem = name.removesuffix("_usd").removesuffix("_pnl")
        sign = "" if name in EARNINGS else "-"
        yield Column(
            f"{stem}_share",
            Type.REAL,
            f"{sign}{name} / net_pnl_usd; the six make 1. Null where the net is zero.",
            "fraction",
        )


def _figure(name: str, description: str, unit: str | None = "fraction") -> Column:
    """Declare a figure that may be undefined."""
    return Column(name, Type.REAL, description, unit)


_FIGURES: Final = (
    Column("total_return", Type.REAL, "Last equity over capital, less 1.", "fraction", False),
    _figure("annualised_return", "Compounded to 365 days; null below one day."),
    _figure("volatility", "Of daily returns, per year."),
    _figure("sharpe", "Mean over deviation of daily returns, per year; no risk-free rate.", None),
    _figure("sharpe_low", "Lower end of its 95 % bootstrap interval.", None),
    _figure("sharpe_high", "Upper end of its 95 % bootstrap interval.", None),
    _figure("sharpe_adjusted", "Of a year, its autocorrelation admitted (Lo 2002).", None),
    _figure("sharpe_adjusted_low", "Lower end of its 95 % interval, robust to dependence.", None),
    _figure("sharpe_adjusted_high", "Upper end of its 95 % interval, robust to dependence.", None),
    _figure("effective_days", "Independent days that would say as much about the mean.", "days"),
    _figure("sortino", "Mean over downside deviation of daily returns, per year.", None),
    _figure("calmar", "Annualised return over max_drawdown.", None),
    Column("max_drawdown", Type.REAL, "Deepest fall from a peak.", "fraction", False, 0.0),
    _figure("max_drawdown_days", "From that peak to the recovery, or to the end.", "days"),
    Column("worst_day_at", Type.TIME, "Midnight that the worst day began with."),
    _figure("worst_day_return", "Return of that day."),
    Column("n_trades", Type.INTEGER, "Closed positions, as in all that follows.", None, False, 0),
    _figure("hit_rate", "Share of them that earned something after every cost."),
    _figure("turnover", "Bought and sold over the mean equity.", "per year"),
    _figure("mean_holding_hours", "From first fill to last, on average.", "hours"),
    _figure("capacity_usd", "Capital at which impact eats half of what is earned.", "USD"),
)

_CODE_VERSION: Final = Column(
    "code_version",
    Type.TEXT,
    "Version of the package and digest of its code; then those of a strategy from elsewhere.",
    nullable=False,
)

RUNS: Final = Table(
    "backtest",
    "runs",
    "What was run, on what, and what it achieved: enough to compare runs and to run one again.",
    key=("run_id",),
    columns=(
        RUN_ID,
        Column("name", Type.TEXT, "What a person calls it.", nullable=False),
        Column("sweep_id", Type.TEXT, "Sweep or walk-forward that it belongs to."),
        Column("trial", Type.INTEGER, "Number of the trial, or of the fold, in there.", minimum=0),
        Column(
            "whole",
            Type.FLAG,
            "False for a trial of a sweep: only this row is kept, and a rerun gives the rest.",
            nullable=False,
        ),
        Column("strategy", Type.TEXT, "Name of the strategy.", nullable=False),
        Column("window_start", Type.TIME, "First decision.", nullable=False),
        Column("window_end", Type.TIME, "Last decision.", nullable=False),
        signed_usd_column("capital_usd", "Equity at the start."),
        *components_column("In all."),
        signed_usd_column("net_pnl_usd", "Funding and price less all costs."),
        *_shares(),
        *_FIGURES,
        Column(
            "identity_error",
            Type.REAL,
            "abs(equity change - component sum) / capital, the largest over all rows.",
            "fraction",
            nullable=False,
            minimum=0.0,
            maximum=MAX_IDENTITY_ERROR,
        ),
        Column("config", Type.TEXT, "The whole configuration, as JSON.", nullable=False),
        Column(
            "config_digest",
            Type.TEXT,
            "SHA-256 of the configuration without its window: equal for runs of one strategy.",
            nullable=False,
        ),
        _CODE_VERSION,
        Column(
            "lake_snapshot_id",
            Type.INTEGER,
            "Snapshot of the lake that was read; null for data from files.",
            minimum=0,
        ),
        Column("data_fingerprint", Type.TEXT, "SHA-256 of the data that was read.", None, False),
        *(
            Column(f"{table.name}_digest", Type.TEXT, f"SHA-256 of its {table.name}.", None, False)
            for table in FRAMES
        ),
        Column("started_at", Type.TIME, "When the run began.", nullable=False),
        Column("finished_at", Type.TIME, "When it ended.", nullable=False),
        Column("warnings", Type.TEXTS, "What the run had to assume or leave out.", nullable=False),
    ),
    sort_by=("run_id",),
)

SWEEPS: Final = Table(
    "backtest",
    "sweeps",
    "Many runs of one configuration: a sweep, whose best trial is named with its deflated Sharpe "
    "ratio, or a walk-forward, whose folds together are its result.",
    key=("sweep_id",),
    columns=(
        Column("sweep_id", Type.TEXT, "The sweep.", nullable=False),
        Column("name", Type.TEXT, "What a person calls it.", nullable=False),
        Column(
            "method",
            Type.TEXT,
            "How points were chosen.",
            None,
            False,
            values=("grid", "random", "walk_forward"),
        ),
        Column("config", Type.TEXT, "What all points have in common, as JSON.", nullable=False),
        Column("plan", Type.TEXT, "The axes and how they are tried, as JSON.", nullable=False),
        Column("n_trials", Type.INTEGER, "Points tried.", None, False, 0),
        Column(
            "failures", Type.TEXTS, "Trials without a result, each with its error.", None, False
        ),
        Column("best_run_id", Type.TEXT, "Trial with the highest Sharpe ratio."),
        _figure("sharpe", "Sharpe ratio of that trial, or of a walk-forward's equity.", None),
        _figure("total_return", "Return of that trial, or of a walk-forward's equity."),
        _figure("luck_sharpe", "What the best of so many trials shows without any skill.", None),
        Column(
            "deflated_sharpe",
            Type.REAL,
            "Probability that the true ratio of the best trial exceeds luck_sharpe.",
            "fraction",
            minimum=0.0,
            maximum=1.0,
        ),
        _CODE_VERSION,
        Column("lake_snapshot_id", Type.INTEGER, "Snapshot that was read.", None, False, 0),
        Column("started_at", Type.TIME, "When it began.", nullable=False),
        Column("finished_at", Type.TIME, "When it ended.", nullable=False),
    ),
    sort_by=("sweep_id",),
)


BACKTEST_TABLES: Final = (RUNS, SWEEPS, *FRAMES)
