"""What a backtest refuses to do.

BacktestError
├── UnknownFieldError     a path that names no field of a configuration
├── UnmeasurableError     an equity that nothing can be measured on
└── SweepError            a sweep or walk-forward that cannot go on
"""

from funding_platform.core.errors import FundingError


class BacktestError(FundingError):
    """A backtest cannot do what it was asked."""


class UnknownFieldError(BacktestError):
    """A dotted path that names no field of the configuration."""


class UnmeasurableError(BacktestError):
    """An equity without rows, or one that does not open above zero."""


class SweepError(BacktestError):
    """A worker of a sweep died, or a plan does not fit into the window."""
