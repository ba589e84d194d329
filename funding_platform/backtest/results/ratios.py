"""Ratios of return to risk, from one return per day.

Each is null where it is undefined: a ratio over no variation, no loss or no drawdown is not zero,
and not infinite either.
"""

import math
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from funding_platform.backtest.results.bootstrap import Bootstrap
from funding_platform.backtest.results.returns import DAYS_PER_YEAR
from funding_platform.core.arrays import Floats

ROUNDING: Final = 64 * float(np.finfo(np.float64).eps)
"""Returns of about 1 carry errors of this size; what varies by no more does not vary."""

_YEAR: Final = timedelta(days=DAYS_PER_YEAR)
_DAY: Final = timedelta(days=1)


def is_flat(returns: Floats) -> bool:
    """Tell whether returns vary by no more than their rounding."""
    return bool(np.ptp(returns) <= ROUNDING)


def volatility(returns: Floats) -> float | None:
    """``s sqrt(365)`` with the sample deviation ``s`` (ddof 1); None below two days."""
    return float(returns.std(ddof=1)) * math.sqrt(DAYS_PER_YEAR) if len(returns) > 1 else None


def sharpe(returns: Floats) -> float | None:
    """``mean / s * sqrt(365)``: daily simple returns, no risk-free rate, ``s`` with ddof 1.

    None below two days, or where returns do not vary.
    """
    if len(returns) < 2 or is_flat(returns):
        return None
    return float(returns.mean() / returns.std(ddof=1)) * math.sqrt(DAYS_PER_YEAR)


def sharpe_interval(returns: Floats, bootstrap: Bootstrap) -> tuple[float, float] | None:
    """Bound the Sharpe ratio over resampled histories; None where it is undefined."""
    if sharpe(returns) is None:
        return None
    return bootstrap.interval(returns, _sharpe_by_row)


def _sharpe_by_row(histories: Floats) -> Floats:
    """Compute the ratio of each row, NaN where a row does not vary."""
    deviation = histories.std(axis=1, ddof=1)
    deviation[np.ptp(histories, axis=1) <= ROUNDING] = np.nan
    ratios: Floats = histories.mean(axis=1) / deviation * math.sqrt(DAYS_PER_YEAR)
    return ratios


def sortino(returns: Floats) -> float | None:
    """``mean / sqrt(mean(min(r, 0)^2)) * sqrt(365)``: target 0, over all days.

    None without a losing day. Source: Sortino & Price, Journal of Investing 3 (1994).
    """
    if len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside <= ROUNDING:
        return None
    return float(returns.mean()) / downside * math.sqrt(DAYS_PER_YEAR)


def annualised(total_return: float, elapsed: timedelta) -> float | None:
    """``(1 + total) ** (365 days / elapsed) - 1``.

    None below one day, which says nothing about a year, where more than everything was lost, or
    where a few days' luck compounds beyond what a number can hold.
    """
    if elapsed < _DAY or total_return < -1.0:
        return None
    with np.errstate(over="ignore"):
        grown = float(np.float64(1.0 + total_return) ** (_YEAR / elapsed))
    return grown - 1.0 if math.isfinite(grown) else None


class Drawdown(NamedTuple):
    """The deepest fall from a peak."""

    depth: float
    """``1 - E_trough / E_peak``, a fraction."""

    began_at: datetime
    """The peak."""

    ended_at: datetime
    """When equity was back at the peak; the last row where it never was."""

    recovered: bool

    @property
    def days(self) -> float:
        """From peak to recovery, or to the last row."""
        return (self.ended_at - self.began_at) / _DAY


def deepest_drawdown(equity: pl.DataFrame) -> Drawdown | None:
    """``max_t (1 - E_t / max_(s <= t) E_s)`` over every row, not only over days.

    Parameters
    ----------
    equity
        Columns ``time`` and ``equity``, in the order of time. The opening equity is positive.

    Returns
    -------
    Drawdown or None
        None where equity never fell.
    """
    values = equity["equity"].to_numpy()
    peaks = np.maximum.accumulate(values)
    falls = 1.0 - values / peaks
    trough = int(falls.argmax())
    if falls[trough] <= 0.0:
        return None
    began = int(np.flatnonzero(values[: trough + 1] == peaks[trough])[-1])
    back = np.flatnonzero(values[trough:] >= peaks[trough])
    ended = trough + int(back[0]) if len(back) else len(values) - 1
    times = equity["time"]
    return Drawdown(float(falls[trough]), times[began], times[ended], bool(len(back)))
