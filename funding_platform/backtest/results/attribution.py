"""Where a run's money came from: by venue, base, month, holding time, and its best and worst.

Every frame adds up to the run: what is open at its end is counted at its last price.
"""

from typing import Final

import polars as pl

from funding_platform.backtest.results.returns import monthly_returns
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, COSTS, EARNINGS

_NET: Final = pl.sum_horizontal(EARNINGS) - pl.sum_horizontal(COSTS)

HOLDING_TIMES: Final = (
    (8.0, "up to 8 h"),
    (24.0, "8 h to 1 day"),
    (72.0, "1 to 3 days"),
    (168.0, "3 to 7 days"),
    (720.0, "7 to 30 days"),
    (float("inf"), "above 30 days"),
)
"""Upper ends, in hours, and what people call them."""


def by_leg(trades: pl.DataFrame, name: str) -> pl.DataFrame:
    """Legs by one of their columns, ``venue`` or ``base``, the one that earned most first.

    Returns
    -------
    polars.DataFrame
        The column, ``legs``, ``funding_usd``, ``price_usd``, ``costs_usd``, ``net_usd``,
        ``traded_usd``. Of one venue, price is that of its legs alone: what hedges it is elsewhere.
    """
    return (
        trades.group_by(name)
        .agg(
            pl.len().alias("legs"),
            pl.col("funding_usd").sum(),
            pl.col("price_pnl_usd").sum().alias("price_usd"),
            pl.sum_horizontal(COSTS).sum().alias("costs_usd"),
            _NET.sum().alias("net_usd"),
            pl.col("traded_usd").sum(),
        )
        .sort("net_usd", name, descending=[True, False])
    )


def by_month(equity: pl.DataFrame) -> pl.DataFrame:
    """Add up what each calendar month brought: ``year``, ``month``, its parts and its return.

    Parameters
    ----------
    equity
        Rows of ``backtest.equity``, whose components are sums since the start.

    Returns
    -------
    polars.DataFrame
        ``year``, ``month``, ``funding_usd``, ``price_usd``, ``costs_usd``, ``net_usd`` and
        ``return``, in the order of time. A row at the midnight that ends a month belongs to it.
    """
    day = pl.col("time") - pl.duration(microseconds=1)
    sums = [pl.col(name).last() for name in COMPONENTS]
    first = equity["time"].min()
    ends = (
        equity.sort("time")
        .with_columns(day=pl.when(pl.col("time") == first).then(pl.col("time")).otherwise(day))
        .group_by(
            pl.col("day").dt.year().alias("year"),
            pl.col("day").dt.month().alias("month"),
            maintain_order=True,
        )
        .agg(sums)
        .with_columns(pl.col(name).diff().fill_null(pl.col(name)) for name in COMPONENTS)
    )
    return ends.select(
        "year",
        "month",
        "funding_usd",
        pl.col("price_pnl_usd").alias("price_usd"),
        pl.sum_horizontal(COSTS).alias("costs_usd"),
        _NET.alias("net_usd"),
    ).join(monthly_returns(equity), on=["year", "month"], how="left", maintain_order="left")


def by_holding_time(positions: pl.DataFrame) -> pl.DataFrame:
    """Group closed positions by how long they were held.

    Returns
    -------
    polars.DataFrame
        ``held``, ``positions``, ``funding_usd``, ``costs_usd``, ``net_usd``, ``hit_rate``; from the
        shortest to the longest, without those that no position fell into.
    """
    hours = (pl.col("closed_at") - pl.col("opened_at")) / pl.duration(hours=1)
    bins = [pl.when(hours <= bound).then(pl.lit(label)) for bound, label in HOLDING_TIMES]
    labels = [label for _, label in HOLDING_TIMES]
    return (
        positions.filter(pl.col("closed_at").is_not_null())
        .with_columns(held=pl.coalesce(bins))
        .group_by("held")
        .agg(
            pl.len().alias("positions"),
            pl.col("funding_usd").sum(),
            pl.sum_horizontal(COSTS).sum().alias("costs_usd"),
            pl.col("net_pnl_usd").sum().alias("net_usd"),
            (pl.col("net_pnl_usd") > 0).mean().alias("hit_rate"),
        )
        .sort(pl.col("held").replace_strict({label: n for n, label in enumerate(labels)}))
    )


def best_and_worst(positions: pl.DataFrame, count: int = 10) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pick the closed positions that earned most, and those that earned least, none in both.

    Returns
    -------
    tuple
        Two frames of ``base``, ``venues``, ``opened_at``, ``hours``, ``funding_usd``,
        ``price_usd``, ``costs_usd``, ``net_usd``, ``exit_reason``; the extremes first.
    """
    ranked = (
        positions.filter(pl.col("closed_at").is_not_null())
        .select(
            "base",
            "venues",
            "opened_at",
            ((pl.col("closed_at") - pl.col("opened_at")) / pl.duration(hours=1)).alias("hours"),
            "funding_usd",
            pl.col("price_pnl_usd").alias("price_usd"),
            pl.sum_horizontal(COSTS).alias("costs_usd"),
            pl.col("net_pnl_usd").alias("net_usd"),
            "exit_reason",
        )
        .sort("net_usd", descending=True, maintain_order=True)
    )
    half = min(count, ranked.height // 2)
    best = ranked.head(ranked.height - half).head(count)
    return best, ranked.tail(half).reverse()
