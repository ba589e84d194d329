"""How long a series takes to lose half of a deviation, and whether it remembers anything at all.

A slope estimated from few observations is too small, and one of independent draws is not zero: both
are admitted here, once for every place that states a half-life.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from funding_platform.core.arrays import Floats

WHITE_NOISE_Z: Final = 2.326
"""``Phi^-1(0.99)``: of a hundred series without memory, one is taken to have some."""

WHITE_NOISE_T5: Final = 3.365
"""The same quantile of Student's t with five degrees of freedom: seven pairs and a line."""

MIN_PAIRS: Final = 4
"""Below it the correction divides by nothing."""

Verdict = Literal["persistent", "not persistent", "no decay seen", "unknown"]


@dataclass(frozen=True, slots=True)
class Persistence:
    """What a series remembers.

    Parameters
    ----------
    verdict
        ``not persistent``: its slope could be that of white noise. ``no decay seen``: its slope,
        debiased, is 1 or more, that of a series that never returns. ``unknown``: too few pairs, or
        values that do not vary. Only what is ``persistent`` has a half-life.
    half_life_hours
        ``h ln(1/2) / ln(phi)``, with the debiased slope over ``h`` hours.
    slope, debiased
        Of each value on the one ``h`` hours before; None where unknown.
    pairs
        Pairs that do not overlap.
    """

    verdict: Verdict
    half_life_hours: float | None = None
    slope: float | None = None
    debiased: float | None = None
    pairs: float = 0.0


def persistence(values: Floats, spacing_hours: float, *, lag: int = 1) -> Persistence:
    """AR(1) with intercept over ``lag`` steps, tested against white noise and debiased.

    ``phi`` is the least-squares slope of ``x[t + lag]`` on ``x[t]``, and ``n`` the number of pairs
    over ``lag``. White noise has a slope of about ``-1 / n`` with deviation ``1 / sqrt(n)``; where
    ``(phi + 1 / n) sqrt(n) <= 2.326`` nothing persists. Else ``phi`` is debiased to
    ``(n phi + 1) / (n - 3)``, which undoes ``E[phi] = phi - (1 + 3 phi) / n``.

    Sources: Kendall, "Note on Bias in the Estimation of Autocorrelation", and Marriott & Pope,
    "Bias in the Estimation of Autocorrelations", both Biometrika 41 (1954).

    Parameters
    ----------
    values
        In the order of time, evenly spaced, NaN where unknown; shape (n,).
    spacing_hours
        Hours between neighbours.
    lag
        Steps between the two values of a pair. Where a settlement was spread over the hours that
        it pays for, the longest interval: closer hours share a settlement, and their likeness says
        how it was spread.
    """
    older, newer = values[:-lag], values[lag:]
    known = ~(np.isnan(older) | np.isnan(newer))
    older, newer = older[known], newer[known]
    pairs = len(older) / lag
    if pairs < MIN_PAIRS or np.ptp(older) == 0.0:
        return Persistence("unknown", pairs=pairs)
    centred = older - older.mean()
    slope = float((centred * (newer - newer.mean())).sum() / (centred * centred).sum())
    if (slope + 1.0 / pairs) * math.sqrt(pairs) <= WHITE_NOISE_Z:
        return Persistence("not persistent", None, slope, None, pairs)
    debiased = (pairs * slope + 1.0) / (pairs - 3.0)
    if debiased >= 1.0:
        return Persistence("no decay seen", None, slope, debiased, pairs)
    hours = lag * spacing_hours * math.log(0.5) / math.log(debiased)
    return Persistence("persistent", hours, slope, debiased, pairs)
