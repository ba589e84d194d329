"""US dollars as one quantity, and why there is none."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.trading import InstrumentLimits
from funding_platform.execution.pair.entry.sizing import closable, common_step, size_pair, smallest
from funding_platform.execution.pair.pairs import LEGS, InstrumentRef, LegName
from funding_platform.execution.pair.refusals import RefusalKind
from funding_platform_tests.execution.world import LIMITS

INSTRUMENTS = {leg: InstrumentRef(leg, "BTC") for leg in LEGS}
STEPS = st.sampled_from(
    [Decimal(one) for one in ("0.001", "0.01", "0.025", "0.1", "1", "5", "100")]
)


def mids(long: str = "100", short: str = "100") -> dict[LegName, Decimal]:
    return {LegName.LONG: Decimal(long), LegName.SHORT: Decimal(short)}


def both(**changed: object) -> dict[LegName, InstrumentLimits]:
    return {leg: replace(LIMITS, **changed) for leg in LEGS}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [("0.01", "0.025", "0.05"), ("1", "0.3", "3"), ("0.001", "0.001", "0.001"), ("10", "4", "20")],
)
def test_the_lot_is_a_whole_number_of_both_steps(first: str, second: str, both: str) -> None:
    assert common_step(Decimal(first), Decimal(second)) == Decimal(both)


def test_the_dearer_venue_decides() -> None:
    size, refusals = size_pair(Decimal(1_000), mids("100", "101"), both(), INSTRUMENTS)
    assert size.quantity == Decimal("9.90")
    assert refusals == []


@pytest.mark.parametrize(
    ("usd", "changed", "kind"),
    [
        ("0.5", {}, RefusalKind.BELOW_MINIMUM),
        ("4.99", {}, RefusalKind.BELOW_MINIMUM),
        ("1000", {"min_quantity": Decimal(11)}, RefusalKind.BELOW_MINIMUM),
        ("1000", {"max_quantity": Decimal(9)}, RefusalKind.ABOVE_MAXIMUM),
    ],
)
def test_an_impossible_size_says_why(usd: str, changed: dict[str, object], kind: str) -> None:
    _, refusals = size_pair(Decimal(usd), mids(), both(**changed), INSTRUMENTS)
    assert {one.kind for one in refusals} == {kind}
    assert "BTC" in str(refusals[0])


@given(STEPS, STEPS, st.integers(1, 10**6), st.integers(1, 10**5), st.integers(1, 10**5))
def test_a_size_is_on_both_steps_and_worth_no_more_than_asked(
    first: Decimal, second: Decimal, usd: int, long: int, short: int
) -> None:
    limits = {
        LegName.LONG: replace(LIMITS, quantity_step=first),
        LegName.SHORT: replace(LIMITS, quantity_step=second),
    }
    size, refusals = size_pair(Decimal(usd), mids(str(long), str(short)), limits, INSTRUMENTS)
    for leg in LEGS:
        assert limits[leg].on_step(size.quantity)
        assert size.quantity * mids(str(long), str(short))[leg] <= usd
        if not refusals:
            least = smallest(limits[leg], mids(str(long), str(short))[leg], size.lot)
            assert size.quantity >= least


def test_dust_is_closed_where_the_venue_takes_it() -> None:
    assert closable(LIMITS, Decimal(100), Decimal("0.01"))
    strict = replace(LIMITS, dust_closes=False)
    assert not closable(strict, Decimal(100), Decimal("0.01"))
    assert closable(strict, Decimal(100), Decimal("0.05"))
    assert not closable(LIMITS, Decimal(100), Decimal("0.001"))
