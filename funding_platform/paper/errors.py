"""What can go wrong on paper.

PaperError
├── RefusedError        an order is declined, for a ``RejectReason``; nothing of it exists
└── UnlistedError       the market does not list the symbol
"""

from funding_platform.core.errors import FundingError
from funding_platform.core.trading import RejectReason


class PaperError(FundingError):
    """A paper account cannot do what was asked."""


class RefusedError(PaperError):
    """An order is declined; nothing of it exists."""

    def __init__(self, message: str, reason: RejectReason) -> None:
        super().__init__(message)
        self.reason = reason


class UnlistedError(PaperError):
    """The market does not list the symbol."""
