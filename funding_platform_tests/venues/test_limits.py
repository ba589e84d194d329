"""Budgets, on a clock of our own."""

import asyncio
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.venues.limits import Budget, Limiter

TEN_IN_TWO = Budget("requests", 10, 2)
WINDOW = 2.1
"""Two seconds, and what the network may take off them."""


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def starts(weights: list[float], budget: Budget = TEN_IN_TWO, scale: float = 1.0) -> list[float]:
    """When each of these weights, asked for one after the other, may start."""
    clock = Clock()
    limiter = Limiter(scale, timer=lambda: clock.now, sleep=clock.sleep)

    async def run() -> list[float]:
        moments = []
        for weight in weights:
            await limiter.acquire(budget, weight)
            moments.append(clock.now - 100.0)
        return moments

    return asyncio.run(run())


def test_the_budget_may_be_spent_at_once_and_again_a_window_later() -> None:
    assert starts([1] * 21) == pytest.approx([0.0] * 10 + [WINDOW] * 10 + [2 * WINDOW])


def test_the_scale_multiplies_the_budget() -> None:
    assert starts([1] * 20, scale=2) == [0.0] * 20


def test_a_request_heavier_than_the_budget_still_goes_out() -> None:
    assert starts([4, 50, 1]) == pytest.approx([0.0, WINDOW, 2 * WINDOW])


@given(st.lists(st.floats(0.5, 10), min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_the_budget(weights: list[float]) -> None:
    moments = starts(weights)
    assert moments == sorted(moments)
    for first, start in enumerate(moments):
        within = [w for m, w in zip(moments[first:], weights[first:], strict=True) if m < start + 2]
        assert sum(within) <= 10 + 1e-9


def test_budgets_of_different_names_do_not_share() -> None:
    clock = Clock()
    limiter = Limiter(timer=lambda: clock.now, sleep=clock.sleep)

    async def run() -> None:
        await limiter.acquire(TEN_IN_TWO, 10)
        await limiter.acquire(Budget("other", 10, 2), 10)

    asyncio.run(run())
    assert clock.now == 100.0


@pytest.mark.parametrize(("used", "waited"), [(3, 0.0), (8, WINDOW)])
def test_the_venue_is_believed_where_it_counts_more(used: float, waited: float) -> None:
    clock = Clock()
    limiter = Limiter(timer=lambda: clock.now, sleep=clock.sleep)

    async def run() -> None:
        await limiter.acquire(TEN_IN_TWO, 5)
        limiter.observe(TEN_IN_TWO, used)
        await limiter.acquire(TEN_IN_TWO, 5)

    asyncio.run(run())
    assert clock.now - 100.0 == pytest.approx(waited)


def test_a_pause_holds_back_even_those_already_waiting() -> None:
    clock = Clock()
    pauses = iter([30.0])

    async def sleep(seconds: float) -> None:
        clock.now += seconds
        for pause in pauses:  # the first sleeper is interrupted by a 429 of somebody else
            limiter.pause(TEN_IN_TWO, pause)

    limiter = Limiter(timer=lambda: clock.now, sleep=sleep)

    async def run() -> None:
        for weight in (10, 1):
            await limiter.acquire(TEN_IN_TWO, weight)

    asyncio.run(run())
    assert clock.now - 100.0 == pytest.approx(WINDOW + 30.0)


def test_a_long_run_keeps_the_average_rate() -> None:
    moments = starts([1] * 101)
    assert moments[-1] == pytest.approx(list(accumulate([WINDOW] * 10))[-1])
