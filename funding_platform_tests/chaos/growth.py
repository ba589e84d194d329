"""How fast something grows, told from figures that were taken now and then."""

from collections.abc import Sequence

import numpy as np

SETTLED_IN = 0.25
"""Share of the time after which a process has imported and cached what it will."""


def growth_an_hour(figures: Sequence[tuple[float, float]]) -> float:
    """Slope of pairs of a second and a figure, once it has settled; 0 for want of figures."""
    settled = SETTLED_IN * figures[-1][0] if figures else 0.0
    late = [(at, figure) for at, figure in figures if at >= settled]
    if len(late) < 2:
        return 0.0
    hours, values = np.array(late).T / [[3600], [1]]
    return float(np.polyfit(hours, values, 1)[0])
