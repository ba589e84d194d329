"""What can go wrong when opportunities are asked for.

ArbitrageError
├── FilterError            a filter that contradicts itself, or asks for what is not offered
├── NoOpportunitiesError   the table is not there, is of an older form, or has no rows
└── UnknownChoiceError     a base, symbol, venue or fee tier that the tables do not have
"""

from funding_platform.core.errors import FundingError


class ArbitrageError(FundingError):
    """Opportunities cannot be told."""


class FilterError(ArbitrageError):
    """A filter that makes no sense; the message names its field and the value."""


class NoOpportunitiesError(ArbitrageError):
    """There is no table of opportunities to read, or nothing in it."""


class UnknownChoiceError(ArbitrageError):
    """A name that the tables do not have; the message names the field, and names that are near."""
