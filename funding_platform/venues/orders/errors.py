"""What can go wrong with an order.

VenueError
└── OrderError                the root of all below
    ├── OrderRejectedError    the venue has said no: the order does not exist and never will
    └── OutcomeUnknownError   nobody has said what became of it: never failed, never repeated
        └── OrderNotFoundError    what was to be canceled is not known to the venue, or not yet

The difference between the two is the whole safety of an executor: after a refusal another order
may be sent; after an unknown outcome the only allowed step is to ask, by the client order id.
"""

from funding_platform.core.trading import RejectReason
from funding_platform.venues.errors import VenueError


class OrderError(VenueError):
    """An order did not go as wanted.

    Parameters
    ----------
    client_id
        Our name of the order.
    """

    def __init__(
        self, message: str, *, venue: str, client_id: str, hint: str | None = None
    ) -> None:
        super().__init__(message, venue=venue, hint=hint)
        self.client_id = client_id


class OrderRejectedError(OrderError):
    """The venue declines an order; nothing of it exists."""

    def __init__(
        self,
        message: str,
        *,
        venue: str,
        client_id: str,
        reason: RejectReason,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, venue=venue, client_id=client_id, hint=hint)
        self.reason = reason


class OutcomeUnknownError(OrderError):
    """An order, or a cancellation, was sent and its answer was lost: it may exist, or not."""


class OrderNotFoundError(OutcomeUnknownError):
    """An order that was to be canceled is not known to the venue *now*: it may come to be yet."""
