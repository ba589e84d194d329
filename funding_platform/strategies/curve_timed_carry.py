"""Cross-venue carry that waits for the right curve: funding high, still rising, slow to decay."""

from typing import Literal

import numpy as np
from pydantic import Field

from funding_platform.core.arrays import Floats
from funding_platform.strategies.contract import MarketView
from funding_platform.strategies.cross_venue_carry import PairCarry


class CurveTimedCarry(PairCarry):
    """``PairCarry`` whose short leg must pass gates on its funding curve.

    The features ``level``, ``slope`` and the decay gate's are read as they were known. A feature
    that is unknown or too old passes no gate: absence is not permission.
    """

    name: Literal["curve_timed_carry"] = "curve_timed_carry"
    min_level: float | None = Field(
        default=0.05, description="Least level of the short leg's curve, per year."
    )
    max_slope: float | None = Field(
        default=0.0,
        description="Greatest slope (oldest less newest bucket, per year): below zero, funding "
        "has been rising.",
    )
    decay_feature: str = Field(
        default="half_life_hours", description="Which feature says how slowly funding decays."
    )
    min_decay: float | None = Field(
        default=None, description="Least value of the decay feature; no gate when null."
    )

    def short_allowed(self, market: MarketView) -> Floats:
        """Return 0 where every gate is passed, NaN elsewhere."""
        passed = np.ones(len(market.rate_8h), dtype=np.bool_)
        if self.min_level is not None:
            passed &= market.feature("level") >= self.min_level
        if self.max_slope is not None:
            passed &= market.feature("slope") <= self.max_slope
        if self.min_decay is not None:
            passed &= market.feature(self.decay_feature) >= self.min_decay
        return np.where(passed, 0.0, np.nan)
