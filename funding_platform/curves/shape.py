"""What one strip says by itself: its robust scale, the guard on its newest bucket, its shape.

Buckets come as an array of shape (8, n), newest first, fractions per year, NaN where missing; what
comes out has shape (n,) and is NaN where it is not defined.
"""

import numpy as np

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.market.persistence import WHITE_NOISE_T5
from funding_platform.core.units import TENOR_HOURS

MIN_YIELD = 0.01
"""A yield, or a spread of yields, too small to divide by: 1 % a year.

It is 0.1 basis points per eight hours, a tenth of the interest component that venues pin their
rates to, and less than any fee: a ratio to something smaller says how rates were rounded.
"""

MAD_TO_SIGMA = 1.4826
"""``1 / Phi^-1(3/4)``: by it the median absolute deviation estimates a normal's sigma."""

MIN_KNOWN = 4
"""Of b1 to b7: more than half, or the median may be any one print's choice."""

GUARD_SIGMAS = 10.0
"""How far from the median a print is believed, in robust sigma.

The guard is for what is no market at all, so this is far beyond the 3 of Hampel's identifier. With
it and the margin below, 1 % of the settled strips of 200 real histories are flagged, collapses of
single coins among them; with 3 sigma it would be 4 %.
"""

GUARD_MARGIN = 1.0
"""Distance from the median that is always believed: 9 basis points per eight hours.

Rates pinned to one value have no spread, and their first honest move would otherwise be an outlier;
a venue's usual clamp of +-5 basis points about its interest component lies within.
"""

SHOCK_SIGMAS = 3.0
"""A bucket this far from the newest lies across a shock (Hampel 1974: three robust sigma)."""

MAX_HALF_LIFE_HOURS = 640.0
"""Ten times the strip's length: its eight points cannot tell a slower decay from none."""

_WHOLE_LOSS = -1.0 + 2.0**-53
"""The next float above -1, where a yield has a logarithm."""

_SORTING_7 = (
    *((0, 6), (2, 3), (4, 5)),
    *((0, 2), (1, 4), (3, 6)),
    *((0, 1), (2, 5), (3, 4)),
    *((1, 2), (4, 6)),
    *((2, 3), (4, 5)),
    *((1, 2), (3, 4), (5, 6)),
)
"""Comparisons that sort seven values (Knuth, The Art of Computer Programming 3, 5.3.4: 16)."""


def robust_scale(values: Floats) -> tuple[Floats, Floats]:
    """``median`` and ``sigma = max(1.4826 * MAD, 0.01)`` of the rows 1 to 7 of eight.

    The newest bucket has no part in it, so that a spoofed print cannot widen its own bounds.
    NaN where fewer than four of the seven are known.
    """
    older = values[1:]
    n_known = (~np.isnan(older)).sum(axis=0)
    median = _median_of_7(older, n_known)
    deviation = _median_of_7(np.abs(older - median), n_known)
    return median, np.maximum(MAD_TO_SIGMA * deviation, MIN_YIELD)


def guarded(buckets: Floats) -> tuple[Floats, Floats]:
    """``b0`` bounded to median +- max(10 sigma, 1) in ``ln(1 + b)``; and 1.0 if it lay outside.

    ``ln(1 + b)`` is 1095 times the logarithm of the eight-hour factor, so it is proportional to
    the rate: in the yield itself compounding stretches every move upwards. Where no scale is known
    the newest bucket stays as it is, and whether it is an outlier is NaN.
    """
    logs = np.log1p(np.maximum(buckets, _WHOLE_LOSS))
    median, sigma = robust_scale(logs)
    reach = np.maximum(GUARD_SIGMAS * sigma, GUARD_MARGIN)
    distance = logs[0] - median
    outside = np.abs(distance) > reach
    bounded = buckets[0].copy()
    bounded[outside] = np.expm1(median + np.copysign(reach, distance))[outside]
    return bounded, np.where(np.isnan(distance), np.nan, outside)


def decay_ratios(buckets: Floats) -> Floats:
    """``b[k+1] / b[k]``, shape (7, n); NaN where ``|b[k]| < 0.01``."""
    newer = np.where(np.abs(buckets[:-1]) < MIN_YIELD, np.nan, buckets[:-1])
    return np.asarray(buckets[1:] / newer)


def shock_age(buckets: Floats, sigma: Floats) -> Floats:
    """Find the smallest ``k`` with ``|b[k] - b[0]| > 3 sigma``; NaN where there is none."""
    age = np.full(buckets.shape[1], np.nan)
    for k in range(len(buckets) - 1, 0, -1):
        age[np.abs(buckets[k] - buckets[0]) > SHOCK_SIGMAS * sigma] = k
    return age


def half_life(buckets: Floats) -> Floats:
    """``8 * ln(1/2) / ln(phi)`` in hours, ``phi`` the debiased slope of b[k] on b[k+1].

    An AR(1) with intercept over the seven pairs of neighbours, in the direction of time. Of so few
    pairs white noise often has a slope: ``phi`` counts only where it is more than 3.365 of its
    standard errors, ``s / sqrt(S)``, above zero, with ``s^2`` the residual variance (5 degrees of
    freedom) and ``S`` the sum of squares of the older buckets. And least squares falls short by
    ``(1 + 3 phi) / n`` where the series is stationary (Kendall 1954), which makes ``S`` about
    ``n s^2 / (1 - phi^2)``: ``(1 + 3 phi) s^2 / ((1 - phi^2) S)`` is added, the same there, and
    nothing for a decay without noise.

    NaN where a bucket is missing, the older ones vary by less than 0.01, the strip may be white
    noise, ``phi`` is not between 0 and 1, or the half-life is longer than 640 hours.
    """
    older = buckets[1:] - buckets[1:].mean(axis=0)
    newer = buckets[:-1] - buckets[:-1].mean(axis=0)
    spread = (older * older).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (older * newer).sum(axis=0) / spread
        residuals = newer - slope * older
        noise = (residuals * residuals).sum(axis=0) / (len(older) - 2) / spread
        phi = slope + (1.0 + 3.0 * slope) * noise / (1.0 - slope * slope)
        hours = TENOR_HOURS * np.log(0.5) / np.log(phi)
        remembers = (slope > 0.0) & (slope < 1.0) & (slope * slope > WHITE_NOISE_T5**2 * noise)
        defined = (spread >= len(older) * MIN_YIELD**2) & remembers & (phi < 1.0)
        return np.where(defined & (hours <= MAX_HALF_LIFE_HOURS), hours, np.nan)


def _median_of_7(values: Floats, n_known: Ints) -> Floats:
    """Compute the median of the known ones of seven; NaN where fewer than four are."""
    ranked = list(np.where(np.isnan(values), np.inf, values))
    for low, high in _SORTING_7:
        ranked[low], ranked[high] = (
            np.minimum(ranked[low], ranked[high]),
            np.maximum(ranked[low], ranked[high]),
        )
    median: Floats = ranked[3]
    for known in range(MIN_KNOWN, len(values)):
        rows = np.flatnonzero(n_known == known)
        below, above = ranked[(known - 1) // 2][rows], ranked[known // 2][rows]
        median[rows] = (below + above) / 2
    median[n_known < MIN_KNOWN] = np.nan
    return median
