"""A run as one row: the figures that it is listed by, and the digests that it is known again by."""

import hashlib
from datetime import UTC, datetime, time
from io import BytesIO
from typing import Any

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.results.metrics import Metrics, PnlSplit
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, FRAMES

CUSTOM_STRATEGY = "custom"
"""Name of a strategy that was handed to ``run_backtest``, which no configuration has."""

_RENAMED = {"trades": "n_trades"}
"""Fields of ``Metrics`` whose columns have another name."""


def run_figures(result: BacktestResult) -> dict[str, Any]:
    """Compute the columns of ``backtest.runs`` that follow from the result alone."""
    config, (start, end) = result.config, result.config.window
    split = pnl_split(result)
    shares = zip(COMPONENTS, split.shares().values(), strict=True)
    return {
        "strategy": strategy_name(config),
        "window_start": start,
        "window_end": end,
        "capital_usd": config.capital_usd,
        **{name: result.equity[name][-1] for name in COMPONENTS},
        "net_pnl_usd": split.net,
        **{f"{_stem(name)}_share": share for name, share in shares},
        **metric_columns(result.metrics),
        "identity_error": result.identity_error,
        "config": config.model_dump_json(),
        "config_digest": config_digest(config),
        "data_fingerprint": result.data_fingerprint,
        **{f"{name}_digest": digest for name, digest in frame_digests(result).items()},
        "warnings": list(result.warnings),
    }


def metric_columns(metrics: Metrics) -> dict[str, Any]:
    """Name the metrics as they are stored, and give them the types that they are stored with."""
    named = {
        _RENAMED.get(name, name): getattr(metrics, name) for name in Metrics.__dataclass_fields__
    }
    day = named.pop("worst_day")
    named["worst_day_at"] = day and datetime.combine(day, time(), UTC)
    return named


def pnl_split(result: BacktestResult) -> PnlSplit:
    """Split the profit and loss into the components of the last row of the equity."""
    return PnlSplit(*(float(result.equity[name][-1]) for name in COMPONENTS))


def strategy_name(config: BacktestConfig) -> str:
    """Return the name of the configured strategy."""
    return config.strategy.name if config.strategy else CUSTOM_STRATEGY


def config_digest(config: BacktestConfig) -> str:
    """Compute the SHA-256 of the configuration without its window, in hexadecimal."""
    text = config.model_dump_json(exclude={"start", "end"})
    return hashlib.sha256(text.encode()).hexdigest()


def frame_digests(result: BacktestResult) -> dict[str, str]:
    """Compute the SHA-256 of each frame by its name, in hexadecimal."""
    return {table.name: frame_digest(getattr(result, table.name)) for table in FRAMES}


def frame_digest(frame: pl.DataFrame) -> str:
    """Compute the SHA-256 of names and values as CSV, where every float has all its digits.

    Zero has no sign there: Parquet's dictionaries take -0 and 0 for one value.
    """
    floats, text = pl.col(pl.Float64), BytesIO()
    unsigned = pl.when(floats == 0.0).then(0.0).otherwise(floats).name.keep()
    frame.with_columns(unsigned).write_csv(text)
    return hashlib.sha256(text.getbuffer()).hexdigest()


def _stem(component: str) -> str:
    return component.removesuffix("_usd").removesuffix("_pnl")
