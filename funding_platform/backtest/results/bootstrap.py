"""How far a ratio could have come out otherwise: the stationary bootstrap of daily returns.

Funding is persistent, hence so are the returns on it: drawing single days would break runs of good
and bad ones apart and give intervals that are too narrow. Blocks of random length keep them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from funding_platform.backtest.errors import ConfigError
from funding_platform.core.arrays import Floats

_CELLS_AT_ONCE: Final = 1 << 20
"""Days drawn in one piece: bounds the memory of many resamples of a long history."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How a confidence interval is drawn.

    Parameters
    ----------
    resamples
        How many histories are drawn; 0 draws none, and there is no interval.
    confidence
        Probability that the interval covers, in (0, 1).
    mean_block_days
        Mean length of a block, at least 1; the cube root of the number of days when None, the order
        that Politis & Romano derive for the variance of a mean.
    seed
        Of the generator (PCG64), not negative: the same seed and returns give the same interval,
        bit by bit.

    Raises
    ------
    ConfigError
        If one of them is out of bounds.
    """

    resamples: int = 2_000
    confidence: float = 0.95
    mean_block_days: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        block = self.mean_block_days
        for name, right, bound in (
            ("resamples", self.resamples >= 0, "0 or more"),
            ("confidence", 0.0 < self.confidence < 1.0, "between 0 and 1"),
            ("mean_block_days", block is None or 1.0 <= block < math.inf, "1 or more"),
            ("seed", self.seed >= 0, "0 or more"),
        ):
            if not right:
                raise ConfigError(f"bootstrap: {name} is {getattr(self, name)}, not {bound}")

    def interval(
        self, returns: Floats, statistic: Callable[[Floats], Floats]
    ) -> tuple[float, float] | None:
        """Estimate the percentile interval of a statistic over resampled histories.

        Parameters
        ----------
        returns
            One value per day, shape (days,).
        statistic
            From histories, shape (resamples, days), to one value each; NaN where undefined.

        Returns
        -------
        tuple or None
            Lower and upper bound; None with fewer than two days, or where the statistic is
            undefined for more than half of the resamples.
        """
        if self.resamples == 0 or len(returns) < 2:
            return None
        at_once = max(1, _CELLS_AT_ONCE // len(returns))
        generator = np.random.default_rng(self.seed)
        values = np.concatenate(
            [
                statistic(returns[self._drawn(generator, min(at_once, left), len(returns))])
                for left in range(self.resamples, 0, -at_once)
            ]
        )
        defined = values[np.isfinite(values)]
        if 2 * len(defined) < self.resamples:
            return None
        tail = (1.0 - self.confidence) / 2.0
        low, high = np.quantile(defined, [tail, 1.0 - tail])
        return float(low), float(high)

    def _drawn(self, generator: np.random.Generator, rows: int, days: int) -> NDArray[np.intp]:
        """Draw the days that each resample consists of, shape (rows, days)."""
        block = self.mean_block_days or max(1.0, days ** (1.0 / 3.0))
        return stationary_indices(generator, rows, days, block)


def stationary_indices(
    generator: np.random.Generator, rows: int, days: int, mean_block: float
) -> NDArray[np.intp]:
    """Draw days in blocks of geometric length that wrap around the end.

    ``i_t`` is a day drawn anew with probability ``1 / mean_block``, else ``i_(t-1) + 1`` modulo
    ``days``. Source: Politis & Romano, "The Stationary Bootstrap", JASA 89 (1994).

    Parameters
    ----------
    generator
        Draws a number per cell for the breaks, then one per cell for the days.
    rows, days
        The shape of the result.
    mean_block
        Mean length of a block, at least 1; 1 draws single days.
    """
    position = np.arange(days)
    begins = generator.random((rows, days)) < 1.0 / mean_block
    begins[:, 0] = True
    first_day = generator.integers(days, size=(rows, days))
    block_start = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    drawn = np.take_along_axis(first_day, block_start, axis=1) + position - block_start
    return np.asarray(drawn % days, dtype=np.intp)
