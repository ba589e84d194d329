"""What to do next with a pair, from what it holds: the state machine, without anything that acts.

It is asked after every round of orders, and after a crash, with nothing but what the venues hold:
the same truth, the same step. A step that opens is taken only while a pair is being opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import ZERO, InstrumentLimits
from funding_platform.execution.pair.entry.sizing import closable, smallest_sizes
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
    per_base
        Its size for one of base, as it was planned: 1, or the US dollars of an inverse leg.
    """

    held: Decimal
    limits: InstrumentLimits
    price: Decimal
    per_base: Decimal = Decimal(1)

    @property
    def base(self) -> Decimal:
        """What is held, in base as it was planned: what the legs have alike."""
        return self.held / self.per_base

    def size(self, base: Decimal) -> Decimal:
        """Return the size nearest to so much base."""
        return self.limits.nearest_quantity(base * self.per_base)


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
        Legs that differ by less are equal; in base, as ``planned``.
    planned
        What no leg may have more of: a fill that comes late may have doubled one.
    may_complete
        Whether the leg that lags may still be traded up to the other.
    """
    if state.final or state in {PairState.CLOSING, PairState.UNWINDING}:
        return _flatten(state, legs)
    over = {
        leg: more
        for leg, view in legs.items()
        if (more := view.held - view.size(planned)) >= lot * view.per_base
        and closable(view.limits, view.price, more)
    }
    if over:
        return Reduce(over, state)
    lead, lag = sorted(LEGS, key=lambda leg: legs[leg].base, reverse=True)
    limits = {leg: view.limits for leg, view in legs.items()}
    least = smallest_sizes(limits, {leg: view.price for leg, view in legs.items()}, lot)
    both = legs[lag].base
    viable = all(view.size(both) >= least[leg] for leg, view in legs.items())
    if legs[lead].base - both < lot and viable:
        return Finish(PairState.OPEN)
    missing = legs[lag].size(legs[lead].base) - legs[lag].held
    completable = legs[lag].held >= 0 and missing >= least[lag]
    if completable and state is PairState.OPENING and may_complete:
        return Complete(lag, missing)
    excess = legs[lead].held - legs[lead].size(both)
    if viable and closable(legs[lead].limits, legs[lead].price, excess):
        return Reduce({lead: excess}, state)
    return _flatten(PairState.UNWINDING if state is PairState.OPENING else PairState.CLOSING, legs)


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
