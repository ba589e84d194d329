"""What goes wrong with strategies before, or without, a run.

StrategyContractError
├── MissingDataError       a market lacks what a strategy cannot do without
└── UnknownStrategyError   a name that no strategy has

A package whose strategy cannot be used is a ``PluginError``, as with venues.
"""

from funding_platform.core.errors import FundingError


class StrategyContractError(FundingError):
    """A strategy, and those it deals with, do not fit together."""


class MissingDataError(StrategyContractError):
    """A market lacks what a strategy cannot do without: a feature, an instrument, spot prices."""


class UnknownStrategyError(StrategyContractError):
    """A name that no strategy has, neither a built-in one nor one of an installed package."""
