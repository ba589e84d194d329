"""How long one leg may be alone, as the configuration says."""

import pytest

from funding_platform.execution import ExecutionRules
from funding_platform.execution.pair.alone import Met, Surroundings, longest_alone

RULES = ExecutionRules(
    poll_seconds=0.5,
    order_seconds=4,
    grace_seconds=3,
    reprice_seconds=2,
    completions=1,
    close_tries=3,
)
AROUND = Surroundings(answer_seconds=0.25, timeout_seconds=2, between_looks_seconds=10)

ORDER = 4 + 4 * 0.25 + 2 * 0.5
READING = 3 + 7 * 0.25 + 0.5
NOTICING = 10 + 3 * 0.25
STEP = ORDER + 2 * READING


def test_one_order_and_what_follows_from_it() -> None:
    assert longest_alone(RULES, AROUND, rounds=0) == NOTICING + STEP
    assert longest_alone(RULES, AROUND, rounds=1) == NOTICING + STEP + READING + ORDER


def test_all_rounds_that_are_allowed_with_their_pauses() -> None:
    pauses = 1.0 + 2.0 + 2.0  # doubled each time, and no more than reprice_seconds
    assert longest_alone(RULES, AROUND) == NOTICING + STEP + 4 * (READING + ORDER) + pauses


def test_orders_that_wait_first() -> None:
    resting = ExecutionRules(**{**RULES.model_dump(), "limit_seconds": 30})
    waiting = 30 + (3 + 4 * 0.25 + 2 * 0.5) + 2 * 0.25 + 0.5
    assert longest_alone(resting, AROUND, rounds=0) == waiting + STEP


@pytest.mark.parametrize(
    ("met", "more"),
    [
        (Met(restarts=1), NOTICING + STEP),
        (Met(missed_looks=2), 2 * NOTICING),
        (Met(lost_answers=3), 3 * 2.5),
    ],
)
def test_what_goes_wrong_meanwhile_adds_what_it_costs(met: Met, more: float) -> None:
    assert longest_alone(RULES, AROUND, met, 0) == longest_alone(RULES, AROUND, rounds=0) + more


def test_a_slower_client_makes_it_longer() -> None:
    slow = Surroundings(answer_seconds=0.25, timeout_seconds=9, between_looks_seconds=10)
    assert longest_alone(RULES, slow, rounds=0) == longest_alone(RULES, AROUND, rounds=0) + 5
