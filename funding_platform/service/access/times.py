"""How long answers took, counted in classes whose bounds lie around what is promised."""

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from funding_platform.telemetry.metrics import Distribution

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""In seconds. What is kept is promised in 0.1, what the lake is asked for in 0.5."""


class Times:
    """Counts how long answers took."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._total = 0.0

    def count(self, seconds: float) -> None:
        """Count an answer."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._total += seconds

    def distribution(self) -> Distribution:
        """Return what was counted."""
        bounds = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
        return Distribution(dict(zip(bounds, accumulate(self._counts), strict=True)), self._total)
