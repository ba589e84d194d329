"""What a run hands back: four frames, its warnings, and what it was made from.

Frames have the columns of ``core.tables.backtests.ledgers`` without ``run_id``, which storage adds:
the same configuration over the same data gives the same result, bit by bit, whatever the run is
called.
"""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.results.metrics import Metrics, measure
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, COSTS, EARNINGS

COMPONENT_SUM = pl.sum_horizontal(EARNINGS) - pl.sum_horizontal(COSTS)
"""``funding + price - fees - slippage - borrow - penalties``."""


@dataclass(frozen=True)
class BacktestResult:
    """One run.

    Parameters
    ----------
    config
        What was run.
    trades, equity, ledger, exposure
        Columns of the tables of the same names in ``core.tables.backtests.ledgers``, without
        ``run_id``. The first row of ``equity`` is the capital at the start; trades are in the order
        of ``trade_id``, ledger entries in the order of ``seq``.
    warnings
        What the run had to assume or leave out, one sentence each; empty when nothing.
    data_fingerprint
        SHA-256 of the data, in hexadecimal.
    """

    config: BacktestConfig
    trades: pl.DataFrame
    equity: pl.DataFrame
    ledger: pl.DataFrame
    exposure: pl.DataFrame
    warnings: tuple[str, ...]
    data_fingerprint: str

    @cached_property
    def positions(self) -> pl.DataFrame:
        """One row per position: ``position_id``, ``base``, its span, its legs added up.

        Columns: ``position_id``, ``base``, ``venues`` (joined by ``/``, long legs first),
        ``opened_at``, ``closed_at`` (null while a leg is open), the six components,
        ``traded_usd``, ``impact_usd``, ``net_pnl_usd``, ``exit_reason``.
        """
        summed = (*COMPONENTS, "traded_usd", "impact_usd")
        closed = pl.when(pl.col("closed_at").is_not_null().all()).then(pl.col("closed_at").max())
        return (
            self.trades.sort("position_id", "side", "trade_id")
            .group_by("position_id", maintain_order=True)
            .agg(
                pl.col("base").first(),
                pl.col("venue").str.join("/").alias("venues"),
                pl.col("opened_at").min(),
                closed.alias("closed_at"),
                *(pl.col(name).sum() for name in summed),
                pl.col("exit_reason").first(),
            )
            .with_columns(net_pnl_usd=COMPONENT_SUM)
        )

    @cached_property
    def metrics(self) -> Metrics:
        """What it achieved, as figures."""
        return measure(self.equity, self.positions)

    @property
    def identity_error(self) -> float:
        """``max |equity change - component sum| / capital``, over the rows of ``equity``.

        Equity comes from the cash account and the prices of open legs, the components from the
        legs' own books: they agree unless money was lost track of.
        """
        gap = (pl.col("equity") - self.config.capital_usd - COMPONENT_SUM).abs().max()
        return float(self.equity.select(gap).item()) / self.config.capital_usd
