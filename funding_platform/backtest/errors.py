"""What a backtest refuses to do.

BacktestError
├── ConfigError           a configuration out of bounds, or one that contradicts itself
├── DataError             data that a run cannot do without is missing or malformed
│   ├── UnknownInstrumentError   a venue, symbol or base that the data does not have
│   └── NoOverlapError           no two venues have one base over the same time
├── StrategyError         a strategy raised, or asked for what makes no sense
├── UnknownFieldError     a path that names no field of a configuration
├── IdentityError         a run whose books do not add up
├── UnmeasurableError     an equity that nothing can be measured on
├── StressError           a stress scenario that does not exist, or makes no sense
└── SweepError            a sweep or walk-forward that cannot go on
"""

from funding_platform.core.errors import FundingError
from funding_platform.strategies.errors import MissingDataError


class BacktestError(FundingError):
    """A backtest cannot do what it was asked."""


class ConfigError(BacktestError):
    """A configuration out of bounds, or one that contradicts itself; names its fields."""


class DataError(BacktestError, MissingDataError):
    """Data that a run cannot do without is missing or malformed; names the datum.

    Strategies know it as ``MissingDataError``.
    """


class UnknownInstrumentError(DataError):
    """A venue, symbol or base that the data does not have."""


class NoOverlapError(DataError):
    """No two venues have one base over the same time."""


class StrategyError(BacktestError):
    """A strategy raised, or asked for what makes no sense; names it and the time."""


class UnknownFieldError(BacktestError):
    """A dotted path that names no field of the configuration."""


class IdentityError(BacktestError):
    """A run whose equity is not what its components add up to: it is not stored."""


class UnmeasurableError(BacktestError):
    """An equity without rows, or one that does not open above zero."""


class StressError(BacktestError):
    """A stress scenario that does not exist, or one that makes no sense; names it."""


class SweepError(BacktestError):
    """A worker of a sweep died, or a plan does not fit into the window."""
