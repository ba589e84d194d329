"""What the curves refuse to compute with."""

from funding_platform.core.errors import FundingError


class CurveError(FundingError):
    """A rate or an interval that no curve can be built from, with its symbol and time."""
