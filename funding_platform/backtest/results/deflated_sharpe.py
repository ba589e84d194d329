"""What a Sharpe ratio is worth once one admits how many were looked at.

The best of many trials is high by luck alone. Everything here is per observation, not annualised:
divide an annualised ratio by the square root of observations per year first.

Source: Bailey & López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest
Overfitting and Non-Normality", Journal of Portfolio Management 40 (2014).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from funding_platform.backtest.results.dependence import effective_days
from funding_platform.backtest.results.ratios import is_flat

_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class ReturnMoments:
    """What the formulas need of a series of returns.

    ``sharpe`` is mean over sample deviation per observation; ``skewness`` and ``kurtosis`` are
    standardised by the population deviation, and a normal distribution has 0 and 3.
    """

    sharpe: float
    observations: int
    skewness: float
    kurtosis: float
    effective: float | None = None
    """Independent observations that would say as much; as many as there are when None."""

    @classmethod
    def of(cls, returns: NDArray[np.float64]) -> Self | None:
        """Compute the moments of a series, shape (observations,); None where it does not vary."""
        if len(returns) < 2 or is_flat(returns):
            return None
        centred = returns - returns.mean()
        variance = np.mean(centred**2)
        return cls(
            sharpe=float(returns.mean() / returns.std(ddof=1)),
            observations=len(returns),
            skewness=float(np.mean(centred**3) / variance**1.5),
            kurtosis=float(np.mean(centred**4) / variance**2),
            effective=effective_days(returns),
        )


def probabilistic_sharpe(moments: ReturnMoments, benchmark: float = 0.0) -> float | None:
    """``Z[(SR - SR*) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)]``.

    The probability that the true ratio exceeds ``SR*``, given ``T`` returns with skewness ``g3``
    and kurtosis ``g4``. ``Z`` is the standard normal distribution function. The formula is one of
    independent returns: ``T`` is the effective number of them.

    Parameters
    ----------
    moments
        Of the returns, per observation.
    benchmark
        ``SR*``, per observation.

    Returns
    -------
    float or None
        A probability; None where the estimated variance of the ratio is not positive, which
        happens with few observations only.
    """
    ratio = moments.sharpe
    spread = 1.0 - moments.skewness * ratio + (moments.kurtosis - 1.0) / 4.0 * ratio**2
    if spread <= 0.0:
        return None
    count = moments.observations if moments.effective is None else moments.effective
    distance = (ratio - benchmark) * math.sqrt(max(count - 1.0, 0.0)) / math.sqrt(spread)
    return _NORMAL.cdf(distance)


def expected_best_sharpe(trials: int, variance: float) -> float:
    """``sqrt(V) ((1 - g) Z^-1[1 - 1/N] + g Z^-1[1 - 1/(N e)])``, ``g`` Euler's constant.

    The ratio that the best of ``N`` independent trials without any skill is expected to show.

    Parameters
    ----------
    trials
        ``N``, at least 1; a single trial was not selected, and the result is 0.
    variance
        ``V``, the variance of the trials' ratios, per observation.
    """
    if trials == 1:
        return 0.0
    weight = float(np.euler_gamma)
    largest = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    beyond = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - weight) * largest + weight * beyond)


def deflated_sharpe(moments: ReturnMoments, trials: int, variance: float) -> float | None:
    """Compute the probabilistic Sharpe ratio against what the best of ``trials`` shows by luck.

    Parameters
    ----------
    moments
        Of the chosen trial's returns.
    trials
        How many were tried, the chosen one included.
    variance
        Variance of their ratios, per observation.

    Returns
    -------
    float or None
        A probability: above 0.95 the ratio is hard to explain by selection. None as for
        ``probabilistic_sharpe``.
    """
    return probabilistic_sharpe(moments, expected_best_sharpe(trials, variance))
