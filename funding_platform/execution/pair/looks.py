"""What a look at all venues brings: what each says, what was found, what it came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from funding_platform.core.trading import Fill, FundingPayment, Holding, OrderReport
from funding_platform.execution.pair.pairs import LegName, PairResult
from funding_platform.execution.store.journal import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a look at all venues found and did.

    Parameters
    ----------
    unreachable
        Venues that did not answer, or whose account is not as it has to be, and what went wrong.
    canceled
        Orders of ours that nobody waited for, by client id.
    adopted
        Fills that were new to us, by venue and its id.
    payments
        How many payments of funding were new.
    resumed
        Pairs that were gone on with, and how that ended.
    mismatches
        What cannot be explained, in words; any halts new risk.
    """

    unreachable: Mapping[str, str]
    canceled: tuple[str, ...]
    adopted: tuple[str, ...]
    payments: int
    resumed: tuple[PairResult, ...]
    mismatches: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every venue is fit and answered; only then is trading allowed."""
        return not self.unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueState:
    """What a venue says that it has of ours."""

    open_orders: Sequence[OrderReport]
    fills: Sequence[Fill]
    payments: Sequence[FundingPayment]
    holdings: Mapping[str, Holding]
    asked_at: datetime


@dataclass(slots=True)
class Found:
    """What a look has found so far."""

    canceled: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)
    payments: int = 0
    to_resume: set[str] = field(default_factory=set)


def holder_at(holders: Sequence[Holder], paid_at: datetime) -> tuple[str | None, LegName | None]:
    """Return the pair and leg that held an instrument at an instant."""
    for since, until, pair_id, leg in holders:
        if since <= paid_at and (until is None or paid_at <= until):
            return pair_id, leg
    return None, None
