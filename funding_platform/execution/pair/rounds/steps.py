"""What to do next with a pair, from what it holds: the state machine, without anything that acts.

It is asked after every round of orders, and after a crash, with nothing but what the venues hold:
the same truth, the same step. A step that opens is taken only while a pair is being opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import ZERO, InstrumentLimits
from funding_platform.execution.pair.entry.sizing import closable, smallest
from funding_platform.execution.pair.pairs import LEGS, LegName, PairState


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left to do; the pair is, or stays, in this state."""

    state: PairState


@dataclass(frozen=True, slots=True)
class Complete:
    """Open the rest of the leg that lags."""

    leg: LegName
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Reduce:
    """Give back so much of each leg, with orders that can only reduce; in this state."""

    quantities: Mapping[LegName, Decimal]
    state: PairState


_END: Final = {PairState.CLOSING: PairState.CLOSED, PairState.UNWINDING: PairState.ABORTED}
"""How a pair ends that gives everything back."""

Step = Finish | Complete | Reduce


@dataclass(frozen=True, slots=True, kw_only=True)
class LegView:
    """What is known of a leg.

    Parameters
    ----------
    held
        What the pair holds in the leg's own direction; negative where it is the wrong way round.
    price
        What it is worth.
    """

    held: Decimal
    limits: InstrumentLimits
    price: Decimal


def next_step(
    state: PairState,
    legs: Mapping[LegName, LegView],
    lot: Decimal,
    planned: Decimal,
    *,
    may_complete: bool,
) -> Step:
    """Return the next step of a pair; one that is over gives back what it holds after all.

    Parameters
    ----------
    lot
        Legs that differ by less are equal.
    planned
        What no leg may have more of: a fill that comes late may have doubled one.
    may_complete
        Whether the leg that lags may still be traded up to the other.
    """
    if state.final or state in {PairState.CLOSING, PairState.UNWINDING}:
        return _flatten(state, legs)
    over = {
        leg: view.held - planned
        for leg, view in legs.items()
        if view.held - planned >= lot and closable(view.limits, view.price, view.held - planned)
    }
    if over:
        return Reduce(over, state)
    lead, lag = sorted(LEGS, key=lambda leg: legs[leg].held, reverse=True)
    gap = legs[lead].held - legs[lag].held
    viable = all(legs[lag].held >= smallest(legs[leg].limits, legs[leg].price, lot) for leg in LEGS)
    if gap < lot and viable:
        return Finish(PairState.OPEN)
    if _is_completable(legs[lag], gap, lot) and state is PairState.OPENING and may_complete:
        return Complete(lag, gap)
    if viable and closable(legs[lead].limits, legs[lead].price, gap):
        return Reduce({lead: gap}, state)
    return _flatten(PairState.UNWINDING if state is PairState.OPENING else PairState.CLOSING, legs)


def _is_completable(lag: LegView, gap: Decimal, lot: Decimal) -> bool:
    return lag.held >= 0 and gap >= smallest(lag.limits, lag.price, lot)


def _flatten(state: PairState, legs: Mapping[LegName, LegView]) -> Step:
    """Give back everything that can be; what no venue takes is dust, and stays."""
    left = {
        leg: abs(view.held)
        for leg, view in legs.items()
        if view.held != ZERO and closable(view.limits, view.price, abs(view.held))
    }
    if left:
        return Reduce(left, state)
    return Finish(_END.get(state, state))
