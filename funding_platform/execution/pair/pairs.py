r"""What a pair is: two legs that stand or fall together, and the states it goes through.

    refused                     nothing was placed
    opening -> open -> closing -> closed
       |          \_________________^   the venues have taken both legs
       |-> unwinding -> aborted         the second leg did not come: the first is given back
       \__________________^             neither came

A state is entered when the store says so, and only along an arrow. What a pair holds is the sum of
its fills; the state says what is to become of that.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from funding_platform.core.trading import ZERO, Fill, Side


class LegName(StrEnum):
    """Which of the two."""

    LONG = "long"
    SHORT = "short"

    @property
    def side(self) -> Side:
        """The side that opens it."""
        return Side.BUY if self is LegName.LONG else Side.SELL

    @property
    def other(self) -> "LegName":
        """The one it stands or falls with."""
        return LegName.SHORT if self is LegName.LONG else LegName.LONG


LEGS: Final = (LegName.LONG, LegName.SHORT)


class PairState(StrEnum):
    """Where a pair stands."""

    REFUSED = "refused"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    UNWINDING = "unwinding"
    CLOSED = "closed"
    ABORTED = "aborted"

    @property
    def final(self) -> bool:
        """Whether the pair is over: it holds nothing, and never will again."""
        return self in {PairState.REFUSED, PairState.CLOSED, PairState.ABORTED}

    @property
    def settled(self) -> bool:
        """Whether nothing is under way: both legs are held alike, or neither is."""
        return self.final or self is PairState.OPEN


TRANSITIONS: Final[Mapping[PairState, frozenset[PairState]]] = {
    PairState.REFUSED: frozenset(),
    PairState.OPENING: frozenset({PairState.OPEN, PairState.UNWINDING, PairState.ABORTED}),
    PairState.OPEN: frozenset({PairState.CLOSING, PairState.CLOSED}),
    PairState.CLOSING: frozenset({PairState.CLOSED}),
    PairState.UNWINDING: frozenset({PairState.ABORTED}),
    PairState.CLOSED: frozenset(),
    PairState.ABORTED: frozenset(),
}
"""Where each state leads; nothing leads back to open."""


class OrderRole(StrEnum):
    """What an order is for."""

    OPEN = "open"
    COMPLETE = "complete"
    """The rest of a leg that lags behind the other."""
    UNWIND = "unwind"
    """Gives back what the other leg has no counterpart for."""
    CLOSE = "close"

    @property
    def opens(self) -> bool:
        """Whether it may make a position larger; all others are reduce-only."""
        return self in {OrderRole.OPEN, OrderRole.COMPLETE}


@dataclass(frozen=True, slots=True, order=True)
class InstrumentRef:
    """An instrument, as the venue names it."""

    venue: str
    venue_symbol: str

    def __str__(self) -> str:
        return f"{self.venue} {self.venue_symbol}"


def new_pair_id() -> str:
    """Return a name that no pair has had: 16 lower-case hexadecimal digits."""
    return uuid.uuid4().hex[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairIntent:
    """What is wanted, before it is known whether it can be had.

    Parameters
    ----------
    base
        The asset of both legs, for limits per asset and for people.
    size_usd
        Notional of each leg.
    decided_at
        When a strategy, or a person, decided on it; latency is counted from here.
    strategy
        Who decided.
    memo
        The strategy's own number, handed back on the position.
    facts
        What the decision rests on, such as the net APR, as JSON; kept for people.
    pair_id
        Its name from now on: an intent that is handed in twice is one pair.
    """

    base: str
    long: InstrumentRef
    short: InstrumentRef
    size_usd: Decimal
    decided_at: datetime
    strategy: str = ""
    memo: float = 0.0
    facts: Mapping[str, object] = field(default_factory=dict)
    pair_id: str = field(default_factory=new_pair_id)

    def instrument(self, leg: LegName) -> InstrumentRef:
        """Return what a leg trades."""
        return self.long if leg is LegName.LONG else self.short


@dataclass(frozen=True, slots=True, kw_only=True)
class Pnl:
    """What a pair has brought so far: total = trading - fees + funding.

    Parameters
    ----------
    trading_usd
        Sum of -side * base * price over all fills, plus what is held at its last known price; the
        base of a fill of an inverse contract is that of ``exposure``.
    fees_usd
        Paid; negative are rebates.
    funding_usd
        Received; negative when paid.
    """

    trading_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO

    @property
    def total_usd(self) -> Decimal:
        """All three together."""
        return self.trading_usd - self.fees_usd + self.funding_usd

    def __add__(self, other: "Pnl") -> "Pnl":
        """Add what something else has brought, part by part."""
        return Pnl(
            trading_usd=self.trading_usd + other.trading_usd,
            fees_usd=self.fees_usd + other.fees_usd,
            funding_usd=self.funding_usd + other.funding_usd,
        )

    def __sub__(self, other: "Pnl") -> "Pnl":
        """Take away what something of it has brought, part by part."""
        return Pnl(
            trading_usd=self.trading_usd - other.trading_usd,
            fees_usd=self.fees_usd - other.fees_usd,
            funding_usd=self.funding_usd - other.funding_usd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LegResult:
    """What became of one leg in an opening or a close.

    Parameters
    ----------
    planned
        What was to be traded: canonical base, or US dollars of an inverse contract, as ``filled``
        and ``held``.
    filled
        What the orders of this step traded, opening orders less what was given back.
    held
        What the pair holds on this leg afterwards; never negative.
    average_price
        Of the fills of this step; None without any.
    slippage_bps
        How much worse than the mid at the decision; negative is better. None without fills.
    fees_usd
        Of this step.
    fills
        Of this step, in order.
    """

    instrument: InstrumentRef
    planned: Decimal
    filled: Decimal
    held: Decimal
    average_price: Decimal | None
    slippage_bps: Decimal | None
    fees_usd: Decimal
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long it took, in seconds; None for what did not happen.

    Parameters
    ----------
    to_sent
        From the decision to the moment both orders were on their way.
    to_done
        From the decision to the end.
    naked
        How long one leg had more than the other, by more than a lot.
    """

    to_sent: float | None
    to_done: float
    naked: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairResult:
    """How an opening or a close ended.

    Parameters
    ----------
    state
        Where the pair stands now. ``CLOSING`` or ``UNWINDING`` means that it goes on with the next
        reconciliation: a venue could not be reached, or did not take the order.
    reasons
        Why it did not end as wanted; empty where it did.
    legs
        Both, by name; empty of a refusal.
    pnl
        Of the pair so far; zero of a refusal, and never missing.
    """

    pair_id: str
    state: PairState
    reasons: tuple[str, ...]
    legs: Mapping[LegName, LegResult]
    pnl: Pnl
    timings: Timings

    @property
    def refused(self) -> bool:
        """Whether nothing was placed."""
        return self.state is PairState.REFUSED
