"""How a venue on paper is reached: how far away it is, and how well it keeps up."""

from dataclasses import dataclass
from datetime import timedelta

from funding_platform.paper.venue import Manners


@dataclass(slots=True, kw_only=True)
class Conditions(Manners):
    """How far away the venue is, and how well it keeps up; may be changed at any time.

    Parameters
    ----------
    order_seconds
        How long an order is on its way.
    data_seconds
        How old an answer to a question is when it arrives.
    timeout_seconds
        How long a caller waits for an answer that is lost.
    clock_skew
        By how much the venue's clock is ahead of ours.
    reads_per_second
        Questions that it answers within any second; None where it answers all.
    """

    order_seconds: float = 0.0
    data_seconds: float = 0.0
    timeout_seconds: float = 10.0
    clock_skew: timedelta = timedelta(0)
    reads_per_second: int | None = None
