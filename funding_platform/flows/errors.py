"""What can go wrong in a use case, beyond what its venue or the lake reports.

FlowError
├── FutureWindowError     asked for a month that has not begun
├── BeforeHistoryError    asked for a month before the venue's first settlement
├── EmptyAnswerError     a venue that listed instruments then, returned not one settlement
├── PerishableError       asked for a snapshot of another hour than the running one
└── CollectionError       no venue, or not one symbol, could be collected
"""

from funding_platform.core.errors import FundingError


class FlowError(FundingError):
    """A use case cannot do what it was asked."""


class FutureWindowError(FlowError):
    """The window lies in the future."""


class BeforeHistoryError(FlowError):
    """The window ends before the venue's history starts."""


class EmptyAnswerError(FlowError):
    """An empty answer where settlements must exist."""


class PerishableError(FlowError):
    """A snapshot can only be taken of now."""


class CollectionError(FlowError):
    """Nothing could be collected."""
