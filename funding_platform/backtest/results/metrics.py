"""What a run achieved, as figures: from its equity, its closed trades and its profit and loss.

A figure that is undefined is None: no trades have no hit rate, no variation has no ratio. The
ratios themselves are in ``ratios``; here they are put together with what trades say.
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta

import polars as pl

from funding_platform.backtest.errors import UnmeasurableError
from funding_platform.backtest.results.bootstrap import Bootstrap
from funding_platform.backtest.results.dependence import adjusted_sharpe
from funding_platform.backtest.results.ratios import (
    annualised,
    deepest_drawdown,
    sharpe,
    sharpe_interval,
    sortino,
    volatility,
)
from funding_platform.backtest.results.returns import DAYS_PER_YEAR, daily_returns


@dataclass(frozen=True, slots=True)
class PnlSplit:
    """What a change of equity is made of, in USD; costs are positive and count against it."""

    funding: float
    price: float
    fees: float
    slippage: float
    borrow: float
    penalties: float

    @property
    def net(self) -> float:
        """``funding + price - fees - slippage - borrow - penalties``."""
        costs = self.fees + self.slippage + self.borrow + self.penalties
        return self.funding + self.price - costs

    def signed(self) -> dict[str, float]:
        """Return the components as they add up to ``net``: costs negative."""
        earned = ("funding", "price")
        return {
            # + 0.0: a cost of nothing is 0, not -0, which would show as a loss.
            one.name: getattr(self, one.name) * (1.0 if one.name in earned else -1.0) + 0.0
            for one in fields(self)
        }

    def shares(self) -> dict[str, float | None]:
        """Divide each signed component by ``net``, together 1; None where ``net`` is zero."""
        net = self.net
        return {name: amount / net if net else None for name, amount in self.signed().items()}

    def gap(self, equity_change: float) -> float:
        """``equity_change - net``: zero but for rounding, or money was lost track of."""
        return equity_change - self.net


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one run; fractions unless the name says otherwise."""

    total_return: float
    annualised_return: float | None
    volatility: float | None
    sharpe: float | None
    sharpe_low: float | None
    sharpe_high: float | None
    sharpe_adjusted: float | None
    sharpe_adjusted_low: float | None
    sharpe_adjusted_high: float | None
    effective_days: float | None
    """Independent days that would say as much as the run's."""
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    """Zero where equity never fell."""
    max_drawdown_days: float | None
    worst_day: date | None
    worst_day_return: float | None
    trades: int
    """Closed ones, as in all that follows."""
    hit_rate: float | None
    turnover: float | None
    mean_holding_hours: float | None
    capacity_usd: float | None


def measure(
    equity: pl.DataFrame, trades: pl.DataFrame, bootstrap: Bootstrap | None = None
) -> Metrics:
    """Compute every figure of a run.

    ``calmar`` is the annualised return over the deepest drawdown. ``hit_rate`` is the share of
    trades with ``net_pnl_usd > 0``. ``turnover`` is ``traded_usd`` of all trades over the mean
    daily equity, per year. The other figures are defined where they are computed.

    Parameters
    ----------
    equity
        Columns ``time`` (UTC) and ``equity`` (USD), in any order; the first row is the capital.
    trades
        ``opened_at``, ``closed_at``, ``traded_usd`` (all that was bought and sold), ``impact_usd``
        (what of its slippage grows with size; null where no volume is known) and ``net_pnl_usd``
        (after every cost), one row per position; rows without ``closed_at`` are not counted.
    bootstrap
        How the interval of the Sharpe ratio is drawn; the defaults of ``Bootstrap`` when None.

    Raises
    ------
    UnmeasurableError
        If the equity has no rows, or does not open above zero.
    """
    if equity.is_empty():
        raise UnmeasurableError("the equity has no rows", hint="a run has one for its capital")
    equity = equity.sort("time", maintain_order=True)
    opening, closing = equity["equity"][0], equity["equity"][-1]
    if not opening > 0:
        raise UnmeasurableError(f"the equity opens at {opening}; returns need more than zero")
    elapsed: timedelta = equity["time"][-1] - equity["time"][0]
    days = daily_returns(equity)
    defined = days.drop_nulls("return")
    returns = defined["return"].to_numpy()
    total = closing / opening - 1.0
    yearly = annualised(total, elapsed)
    fall = deepest_drawdown(equity)
    low, high = sharpe_interval(returns, bootstrap or Bootstrap()) or (None, None)
    adjusted = adjusted_sharpe(returns)
    worst = None if defined.is_empty() else defined.row(defined["return"].arg_min() or 0)
    closed = trades.filter(pl.col("closed_at").is_not_null())
    return Metrics(
        total_return=total,
        annualised_return=yearly,
        volatility=volatility(returns),
        sharpe=sharpe(returns),
        sharpe_low=low,
        sharpe_high=high,
        sharpe_adjusted=adjusted.ratio if adjusted else None,
        sharpe_adjusted_low=adjusted.low if adjusted else None,
        sharpe_adjusted_high=adjusted.high if adjusted else None,
        effective_days=adjusted.effective_days if adjusted else None,
        sortino=sortino(returns),
        calmar=yearly / fall.depth if fall is not None and yearly is not None else None,
        max_drawdown=fall.depth if fall else 0.0,
        max_drawdown_days=fall.days if fall else None,
        worst_day=worst[0] if worst else None,
        worst_day_return=worst[2] if worst else None,
        trades=closed.height,
        hit_rate=_mean(closed.select(pl.col("net_pnl_usd") > 0)),
        turnover=_turnover(closed, days, elapsed),
        mean_holding_hours=_mean(
            closed.select((pl.col("closed_at") - pl.col("opened_at")) / pl.duration(hours=1))
        ),
        capacity_usd=capacity(closed, opening),
    )


def capacity(trades: pl.DataFrame, capital: float) -> float | None:
    """``C G / (2 I)``: the capital at which impact eats half of what is earned before it.

    With impact linear in size, running ``x`` times the capital ``C`` costs ``x^2 I`` and earns
    ``x G`` before it, ``G`` being net profit plus impact; ``x^2 I = x G / 2`` gives the formula.
    Half-spreads and fees grow with the notional and belong to ``G``.

    Parameters
    ----------
    trades
        ``impact_usd`` and ``net_pnl_usd`` of closed trades.
    capital
        ``C``, USD, at which they were made.

    Returns
    -------
    float or None
        USD; None where the impact of any trade is unknown, where none has any, or where nothing
        is earned before it.
    """
    if trades.is_empty() or trades["impact_usd"].null_count():
        return None
    impact = float(trades["impact_usd"].sum())
    before = float(trades["net_pnl_usd"].sum()) + impact
    return capital * before / (2.0 * impact) if impact > 0 and before > 0 else None


def venue_exposure(exposure: pl.DataFrame, equity: pl.DataFrame) -> pl.DataFrame:
    """Compute how much stood on each venue: time-weighted mean and peak of its gross notional.

    Parameters
    ----------
    exposure
        Columns ``time``, ``venue`` and ``gross_usd``: what a venue held from then on. A venue
        holds nothing before its first row.
    equity
        Columns ``time`` and ``equity``: the span of the run, and what shares are taken of.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``mean_usd``, ``peak_usd`` and ``mean_share`` (of the opening equity), by
        venue. The means are null for a run of no length.
    """
    equity = equity.sort("time")
    begin, end = equity["time"][0], equity["time"][-1]
    held = (pl.col("time").shift(-1).over("venue").fill_null(end) - pl.col("time")) / pl.lit(
        end - begin
    )
    mean = (pl.col("gross_usd") * pl.col("held")).sum()
    return (
        exposure.sort("venue", "time", maintain_order=True)
        .with_columns(held=held)
        .group_by("venue", maintain_order=True)
        .agg(
            mean_usd=pl.when(pl.col("held").is_finite().all()).then(mean),
            peak_usd=pl.col("gross_usd").max(),
        )
        .with_columns(mean_share=pl.col("mean_usd") / equity["equity"][0])
    )


def _turnover(trades: pl.DataFrame, days: pl.DataFrame, elapsed: timedelta) -> float | None:
    """Divide traded notional by mean daily equity, per year."""
    mean_equity = _mean(days.select("equity"))
    if trades.is_empty() or not mean_equity or mean_equity < 0 or not elapsed:
        return None
    traded = float(trades["traded_usd"].sum())
    return traded / mean_equity * (timedelta(days=DAYS_PER_YEAR) / elapsed)


def _mean(column: pl.DataFrame) -> float | None:
    """Average a one-column frame; None where it has no values."""
    value = column.to_series().cast(pl.Float64).mean()
    return float(value) if isinstance(value, float) else None
