"""How a strategy fares with more money: run again at each size, with what size costs."""

from collections.abc import Callable, Sequence
from typing import Final

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.search.parameters import Point, at_point
from funding_platform.strategies.contract import Strategy

MULTIPLES: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Of the configured size: from a tenth to thirty times, in steps of about three."""


def capacity_curve(
    config: BacktestConfig,
    provider: FundingDataProvider,
    multiples: Sequence[float] = MULTIPLES,
    *,
    strategy: Strategy | None = None,
    on_done: Callable[[], None] = lambda: None,
) -> pl.DataFrame:
    """Net against size: capital, positions and caps of a configuration, all times each multiple.

    Impact is that of the configuration; where it has none, that of the markets' depth, since a run
    whose fills move no price has no capacity.

    Parameters
    ----------
    config, provider, strategy
        As for ``run_backtest``.
    multiples
        Sizes, each above zero.
    on_done
        Called after each run.

    Returns
    -------
    polars.DataFrame
        One row per multiple, in their order: ``multiple``, ``capital_usd``, ``position_usd``,
        ``trades``, ``net_usd``, ``return``, ``impact_usd`` (null where a volume is unknown) and
        ``sharpe``.
    """
    rows = []
    for multiple in multiples:
        result = run_backtest(at_point(config, _scaled(config, multiple)), provider, strategy)
        capital = result.config.capital_usd
        net = float(result.equity["equity"][-1]) - capital
        impacts = result.trades["impact_usd"]
        rows.append(
            {
                "multiple": multiple,
                "capital_usd": capital,
                "position_usd": result.config.position_usd,
                "trades": result.positions.height,
                "net_usd": net,
                "return": net / capital,
                "impact_usd": None if impacts.null_count() else float(impacts.sum()),
                "sharpe": result.metrics.sharpe,
            }
        )
        on_done()
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA: Final = pl.Schema(
    {
        "multiple": pl.Float64,
        "capital_usd": pl.Float64,
        "position_usd": pl.Float64,
        "trades": pl.Int64,
        "net_usd": pl.Float64,
        "return": pl.Float64,
        "impact_usd": pl.Float64,
        "sharpe": pl.Float64,
    }
)


def _scaled(config: BacktestConfig, multiple: float) -> Point:
    """Return the fields that size decides."""
    point: Point = {
        "capital_usd": config.capital_usd * multiple,
        "position_usd": config.position_usd * multiple,
    }
    if config.max_venue_usd is not None:
        point["max_venue_usd"] = config.max_venue_usd * multiple
    if config.costs.slippage.impact == "none":
        point["costs.slippage.impact"] = "depth"
    return point
