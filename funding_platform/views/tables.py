"""What of a table fits on a terminal: the columns that are shown, in units that people read.

What belongs here: choosing, rounding and naming columns of frames that ``flows`` returns. Drawing
them is for ``views.terminal``; opportunities, whose columns depend on a filter, have
``views.opportunity_words``.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from funding_platform.backtest.search.sweeps import Trial, trials_frame
from funding_platform.core.tables.features.pca import PCA_COMPONENTS
from funding_platform.core.tables.schema import UTC_TIME

SHOWN_ALERTS: Final = pl.Schema(
    {
        "severity": pl.String(),
        "kind": pl.String(),
        "subject": pl.String(),
        "since": UTC_TIME,
        "value": pl.Float64(),
        "threshold": pl.Float64(),
        "unit": pl.String(),
        "text": pl.String(),
    }
)
"""Of the active alerts."""

SHOWN_FEES: Final = (
    *map(pl.col, ("venue", "tier", "maker_bps", "taker_bps")),
    (pl.col("min_volume_30d_usd") / 1e6).round(2).alias("30-day M USD"),
    *map(pl.col, ("effective_from", "overridden")),
)
"""Of ``marts.fee_history``."""

SHOWN_OVERRIDES: Final = (
    *map(pl.col, ("recorded_at", "recorded_by")),
    pl.when("revoked").then(pl.lit("revoked")).otherwise(pl.lit("set")).alias("did"),
    *map(pl.col, ("venue", "tier", "effective_from", "maker_bps", "taker_bps", "note")),
)
"""Of ``core.fee_overrides``."""

SHOWN_FEATURES: Final = (
    pl.format("{} {}", "venue", "venue_symbol").alias("instrument"),
    pl.col("as_of"),
    *((pl.col(name) * 100).round(2).alias(f"{name} %/y") for name in ("level", "slope")),
    *(pl.col(name).round(2) for name in ("level_z", "slope_z")),
    pl.col("half_life_hours").round(1).alias("half-life h"),
    pl.col("shock_age").alias("shock age"),
    (pl.col("dispersion") * 100).round(2).alias("dispersion %/y"),
    (pl.col("basis") * 1e4).round(2).alias("basis bp"),
    *(pl.col(f"pca_{pc}").round(3).alias(pc) for pc in PCA_COMPONENTS),
)
"""Of ``features.feature_store``."""

SHOWN_RUNS: Final = (
    "run_id",
    "name",
    "window_start",
    "window_end",
    "net_pnl_usd",
    "total_return",
    "sharpe",
    "max_drawdown",
    "n_trades",
)
"""Of ``backtest.runs``."""

SHOWN_SWEEPS: Final = (
    "sweep_id",
    "name",
    "method",
    "n_trials",
    "best_run_id",
    "sharpe",
    "total_return",
    "deflated_sharpe",
)
"""Of ``backtest.sweeps``."""

SHOWN_FIGURES: Final = (
    "sharpe",
    "total_return",
    "max_drawdown",
    "n_trades",
    "hit_rate",
    "fees_usd",
)
"""Of a trial, beside what was varied."""


def trial_table(trials: Sequence[Trial]) -> pl.DataFrame:
    """Return the trials of a sweep in their order: what was varied, some figures, the error."""
    frame = trials_frame(trials)
    varied = [name for name in frame.columns if name.startswith("config.")]
    figures = [name for name in SHOWN_FIGURES if name in frame.columns]
    errors = ["error"] if frame["error"].count() else []
    return frame.select("number", *varied, *figures, *errors).rename(
        {name: name.removeprefix("config.") for name in varied}
    )
