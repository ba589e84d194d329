"""What follows from what a pair holds."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.execution.pair.pairs import LEGS, LegName, PairState
from funding_platform.execution.pair.rounds.steps import (
    Complete,
    Finish,
    LegView,
    Reduce,
    Step,
    next_step,
)
from funding_platform_tests.execution.world import LIMITS

LOT, PLAN = Decimal("0.01"), Decimal(10)
LONG, SHORT = LegName.LONG, LegName.SHORT
LIVE = [PairState.OPENING, PairState.OPEN, PairState.CLOSING, PairState.UNWINDING]


def views(long: str, short: str, *, dust_closes: bool = True) -> dict[LegName, LegView]:
    limits = replace(LIMITS, dust_closes=dust_closes)
    held = {LONG: Decimal(long), SHORT: Decimal(short)}
    return {leg: LegView(held=held[leg], limits=limits, price=Decimal(100)) for leg in LEGS}


def step(state: PairState, long: str, short: str, *, may_complete: bool = True) -> Step:
    return next_step(state, views(long, short), LOT, PLAN, may_complete=may_complete)


@pytest.mark.parametrize(
    ("state", "long", "short", "expected"),
    [
        (PairState.OPENING, "10", "10", Finish(PairState.OPEN)),
        (PairState.OPENING, "4", "4", Finish(PairState.OPEN)),
        (PairState.OPENING, "0", "0", Finish(PairState.ABORTED)),
        (PairState.OPENING, "10", "4", Complete(SHORT, Decimal(6))),
        (PairState.OPENING, "0", "10", Complete(LONG, Decimal(10))),
        (PairState.OPENING, "15", "10", Reduce({LONG: Decimal(5)}, PairState.OPENING)),
        (
            PairState.OPENING,
            "0.02",
            "0.02",
            Reduce(dict.fromkeys(LEGS, Decimal("0.02")), PairState.UNWINDING),
        ),
        (PairState.OPEN, "10", "3", Reduce({LONG: Decimal(7)}, PairState.OPEN)),
        (PairState.OPEN, "0", "10", Reduce({SHORT: Decimal(10)}, PairState.CLOSING)),
        (PairState.OPEN, "0", "0", Finish(PairState.CLOSED)),
        (PairState.CLOSING, "0", "0", Finish(PairState.CLOSED)),
        (PairState.UNWINDING, "3", "0", Reduce({LONG: Decimal(3)}, PairState.UNWINDING)),
        (PairState.CLOSED, "0", "-2", Reduce({SHORT: Decimal(2)}, PairState.CLOSED)),
    ],
)
def test_what_follows(state: PairState, long: str, short: str, expected: Step) -> None:
    assert step(state, long, short) == expected


def test_what_lags_is_reduced_to_where_it_may_not_be_completed() -> None:
    reduced = Reduce({LONG: Decimal(6)}, PairState.OPENING)
    assert step(PairState.OPENING, "10", "4", may_complete=False) == reduced
    unwound = Reduce({LONG: Decimal(10)}, PairState.UNWINDING)
    assert step(PairState.OPENING, "10", "0", may_complete=False) == unwound


def test_a_rest_that_no_venue_takes_is_left() -> None:
    dust = views("0.01", "0", dust_closes=False)
    assert next_step(PairState.CLOSING, dust, LOT, PLAN, may_complete=False) == Finish(
        PairState.CLOSED
    )


QUANTITIES = st.integers(-1_500, 1_500).map(lambda lots: str(lots * LOT))


@given(st.sampled_from(LIVE), QUANTITIES, QUANTITIES, st.booleans())
def test_no_step_widens_the_gap_or_exceeds_the_plan(
    state: PairState, long: str, short: str, may_complete: bool
) -> None:
    found = step(state, long, short, may_complete=may_complete)
    held = {LONG: Decimal(long), SHORT: Decimal(short)}
    if isinstance(found, Complete):
        assert state is PairState.OPENING
        assert may_complete
        assert held[found.leg] + found.quantity == held[found.leg.other] <= PLAN
    elif isinstance(found, Reduce):
        assert all(0 < cut <= abs(held[leg]) for leg, cut in found.quantities.items())
    elif found.state is PairState.OPEN:
        assert abs(held[LONG] - held[SHORT]) < LOT
    else:
        assert not any(held.values())
