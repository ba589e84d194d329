"""What a Sharpe ratio is worth when one day's return resembles the day before.

Funding persists, and so do the returns on it: a year of them says less than 365 independent days,
and their deviation over a year is not that of a day times ``sqrt(365)``.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from funding_platform.backtest.results.ratios import is_flat, sharpe
from funding_platform.backtest.results.returns import DAYS_PER_YEAR
from funding_platform.core.arrays import Floats

MIN_DAYS: Final = 10
"""Below it autocorrelations say how the few days fell, and nothing else."""

_TWO_SIDED: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class AdjustedSharpe:
    """The Sharpe ratio with autocorrelation admitted, per year, and its 95 % interval."""

    ratio: float
    low: float
    high: float
    effective_days: float
    """Independent days that would say as much about the mean."""


def adjusted_sharpe(returns: Floats) -> AdjustedSharpe | None:
    """``eta(365) SR`` with ``eta(q) = q / sqrt(q + 2 sum_k (q - k) rho_k)``, and its interval.

    ``SR`` is the daily ratio. The sum has the Bartlett weights and the bandwidth of ``bandwidth``:
    its tail would be noise. The interval is ``eta (SR -+ 1.96 se)`` with ``se^2`` the long-run
    variance of ``z - SR (z^2 - 1) / 2`` over the number of days, ``z`` the standardised returns:
    it holds for returns that are neither normal nor independent.

    Source: Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58 (2002).

    Parameters
    ----------
    returns
        One value per day, in the order of time, shape (days,).

    Returns
    -------
    AdjustedSharpe or None
        None below ten days, or where returns do not vary.
    """
    plain = sharpe(returns)
    if plain is None or len(returns) < MIN_DAYS:
        return None
    daily = plain / math.sqrt(DAYS_PER_YEAR)
    eta = time_factor(autocorrelations(returns, bandwidth(returns)), DAYS_PER_YEAR)
    scores = (returns - returns.mean()) / returns.std(ddof=1)
    influence = scores - daily * (scores**2 - 1.0) / 2.0
    error = math.sqrt(long_run_variance(influence) / len(returns))
    return AdjustedSharpe(
        ratio=eta * daily,
        low=eta * (daily - _TWO_SIDED * error),
        high=eta * (daily + _TWO_SIDED * error),
        effective_days=effective_days(returns),
    )


def time_factor(weighted: Floats, periods: int) -> float:
    """``q / sqrt(q + 2 sum_k (q - k) rho_k)``, which takes a ratio of one period to ``q`` of them.

    Parameters
    ----------
    weighted
        ``rho_1``, ``rho_2``, ..., each with its weight; those from ``q`` on have no part in it.
    periods
        ``q``; without autocorrelation the factor is its square root.
    """
    lags = np.arange(1, len(weighted) + 1)
    reach = np.maximum(periods - lags, 0)
    return periods / math.sqrt(periods + 2.0 * float((reach * weighted).sum()))


def effective_days(returns: Floats) -> float:
    """``T g_0 / g``, at most ``T``: variance over long-run variance, times the number of days.

    Returns that swing back make the mean surer than independent days would; that is not counted.
    """
    variance = float(np.mean((returns - returns.mean()) ** 2))
    if variance == 0.0:
        return float(len(returns))
    return len(returns) * min(1.0, variance / long_run_variance(returns))


def long_run_variance(values: Floats) -> float:
    """``g_0 (1 + 2 sum_k w_k rho_k)``, ``w_k = 1 - k / (m + 1)``: never below zero.

    Source: Newey & West, Econometrica 55 (1987); ``m`` is that of ``bandwidth``.
    """
    if is_flat(values):
        return 0.0
    variance = float(np.mean((values - values.mean()) ** 2))
    return variance * (1.0 + 2.0 * float(autocorrelations(values, bandwidth(values)).sum()))


def autocorrelations(values: Floats, lags: int) -> Floats:
    """``w_k rho_k`` for ``k = 1 .. m``, with the Bartlett weights ``1 - k / (m + 1)``."""
    centred = values - values.mean()
    total = float((centred * centred).sum())
    found = [float((centred[k:] * centred[:-k]).sum()) / total for k in range(1, lags + 1)]
    weights = 1.0 - np.arange(1, lags + 1) / (lags + 1.0)
    return np.asarray(weights * np.array(found))


def bandwidth(values: Floats) -> int:
    """``ceil(1.1447 (a T)^(1/3))``, ``a = 4 rho^2 / ((1 - rho)^2 (1 + rho)^2)``; 0 to ``T / 2``.

    The more a series remembers, the more lags are counted. Source: Andrews, Econometrica 59 (1991),
    for the Bartlett kernel, with the first autocorrelation as an AR(1)'s.
    """
    centred = values - values.mean()
    total = float((centred * centred).sum())
    if total == 0.0:
        return 0
    rho: float = min(max(float((centred[1:] * centred[:-1]).sum()) / total, -0.97), 0.97)
    memory = 4.0 * rho**2 / ((1.0 - rho) ** 2 * (1.0 + rho) ** 2)
    wanted: int = math.ceil(1.1447 * (memory * len(values)) ** (1 / 3))
    return min(wanted, len(values) // 2)
