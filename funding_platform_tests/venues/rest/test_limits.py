"""Budgets, on a clock of our own."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.venues.rest.limits import SLOTS, Budget, Limiter
from funding_platform.venues.rest.state.files import FileState

TEN_IN_TWO = Budget("requests", 10, 2)
SLOT = 2 / SLOTS
NEW_YEAR = 1_798_761_600.0


class Clock:
    """Time that passes only by sleeping, for whoever sleeps the shortest first."""

    def __init__(self) -> None:
        self.now = NEW_YEAR
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    @property
    def passed(self) -> float:
        return self.now - NEW_YEAR

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.now + seconds, woken))
        await woken.wait()

    async def run_until_done(self, tasks: list["asyncio.Task[None]"]) -> None:
        while not all(task.done() for task in tasks):
            for _ in range(20):  # whoever can go on without time passing does
                await asyncio.sleep(0)
            if self._sleepers:
                self._sleepers.sort(key=lambda sleeper: sleeper[0])
                self.now, woken = self._sleepers.pop(0)
                woken.set()
        for task in tasks:
            task.result()


Request = tuple[float, float]
"""Weight, and seconds until the answer."""


def run(
    requests: list[Request],
    *,
    budget: Budget = TEN_IN_TWO,
    workers: int = 1,
    limiters: Callable[[Clock], list[Limiter]] | None = None,
) -> list[tuple[float, float, float]]:
    """Weight, start and end of each request, made by so many workers on each limiter in turn."""
    clock = Clock()
    made: list[tuple[float, float, float]] = []
    queue = iter(requests)

    async def worker(limiter: Limiter) -> None:
        for weight, seconds in queue:
            async with limiter.spend(budget, weight):
                start = clock.passed
                await clock.sleep(seconds)
                made.append((weight, start, clock.passed))

    async def everyone() -> None:
        chosen = limiters(clock) if limiters else [on(clock)]
        tasks = [asyncio.create_task(worker(limiter)) for limiter in chosen for _ in range(workers)]
        await clock.run_until_done(tasks)

    asyncio.run(everyone())
    return sorted(made, key=lambda one: one[1])


def on(clock: Clock, scale: float = 1.0, state: FileState | None = None) -> Limiter:
    return Limiter(scale, state=state, timer=lambda: clock.now, sleep=clock.sleep)


def starts(weights: list[float]) -> list[float]:
    return [start for _, start, _ in run([(weight, 0.0) for weight in weights])]


def test_the_budget_may_be_spent_at_once_and_again_a_window_later() -> None:
    assert starts([1] * 21) == pytest.approx([0.0] * 10 + [2.0] * 10 + [4.0], abs=2 * SLOT)


def test_the_window_begins_with_the_answer() -> None:
    made = run([(10, 0.7), (1, 0.0)])
    assert [start for _, start, _ in made] == pytest.approx([0.0, 2.7], abs=SLOT)


def test_the_scale_multiplies_the_budget() -> None:
    made = run([(1, 0.0)] * 20, limiters=lambda clock: [on(clock, scale=2)])
    assert {start for _, start, _ in made} == {0.0}


def test_a_request_heavier_than_the_budget_goes_out_alone() -> None:
    assert starts([4, 50, 1]) == pytest.approx([0.0, 2.0, 4.0], abs=2 * SLOT)


@pytest.mark.parametrize("shared_by", [1, 3])
@given(
    st.lists(st.tuples(st.floats(0.5, 10), st.floats(0, 5)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.floats(0, 2),
)
def test_no_window_of_the_venue_ever_holds_more_than_the_budget(
    shared_by: int, requests: list[Request], workers: int, offset: float
) -> None:
    """Wherever its windows begin, whenever between start and end it counts a request."""

    def limiters(clock: Clock) -> list[Limiter]:
        state = FileState()
        return [on(clock, state=state) for _ in range(shared_by)]

    made = run(requests, workers=workers, limiters=limiters)
    assert len(made) == len(requests)
    for share in (0.0, 0.5, 1.0):
        counted = [(start + share * (end - start), weight) for weight, start, end in made]
        aligned: dict[int, float] = {}
        for moment, weight in counted:
            number = int((moment + offset) // 2)
            aligned[number] = aligned.get(number, 0) + weight
        assert max(aligned.values()) <= 10 + 1e-6
        for first, _ in counted:
            within = sum(weight for moment, weight in counted if first <= moment < first + 2)
            assert within <= 10 + 1e-6


def test_budgets_of_different_names_do_not_share() -> None:
    clock = Clock()

    async def both() -> None:
        limiter = on(clock)
        for name in ("one", "other"):
            async with limiter.spend(Budget(name, 10, 2), 10):
                pass

    asyncio.run(both())
    assert clock.passed == 0


def first_come(clock: Clock, limiter: Limiter, interruption: Callable[[], None]) -> None:
    """Spend half the budget, be interrupted, and spend the other half."""

    async def spend() -> None:
        async with limiter.spend(TEN_IN_TWO, 5):
            interruption()
        async with limiter.spend(TEN_IN_TWO, 5):
            pass

    async def both() -> None:
        await clock.run_until_done([asyncio.create_task(spend())])

    asyncio.run(both())


@pytest.mark.parametrize(("used", "waited"), [(3, 0.0), (8, 2.0)])
def test_the_venue_is_believed_where_it_counts_more(used: float, waited: float) -> None:
    clock = Clock()
    limiter = on(clock)
    first_come(clock, limiter, lambda: limiter.observe(TEN_IN_TWO, used))
    assert clock.passed == pytest.approx(waited, abs=SLOT)


def test_what_one_process_learns_holds_for_another(tmp_path: Path) -> None:
    """Two connections to one file: the weight, the venue's own count, and a pause are shared."""
    clock = Clock()
    with two_states(tmp_path / "venue.sqlite") as (ours, theirs):
        us, them = on(clock, state=ours), on(clock, state=theirs)
        first_come(clock, us, lambda: them.observe(TEN_IN_TWO, 8))
        assert clock.passed == pytest.approx(2.0, abs=SLOT)
        them.pause(TEN_IN_TWO, 30)
        first_come(clock, us, lambda: None)
        assert clock.passed == pytest.approx(32.0, abs=2 * SLOT)


@contextmanager
def two_states(path: Path) -> Iterator[tuple[FileState, FileState]]:
    ours, theirs = FileState(path), FileState(path)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_pause_holds_back_even_those_already_waiting() -> None:
    clock = Clock()
    limiter = on(clock)

    async def spend(weight: float) -> None:
        async with limiter.spend(TEN_IN_TWO, weight):
            pass

    async def everyone() -> None:
        tasks = [asyncio.create_task(spend(weight)) for weight in (10, 1)]
        await asyncio.sleep(0)
        limiter.pause(TEN_IN_TWO, 30)
        await clock.run_until_done(tasks)

    asyncio.run(everyone())
    assert clock.passed == pytest.approx(30.0, abs=SLOT)


def test_a_request_that_fails_weighs_too() -> None:
    clock = Clock()
    limiter = on(clock)

    async def fail_then_spend() -> None:
        with pytest.raises(ConnectionError):
            async with limiter.spend(TEN_IN_TWO, 10):
                raise ConnectionError
        async with limiter.spend(TEN_IN_TWO, 1):
            pass

    async def run_it() -> None:
        await clock.run_until_done([asyncio.create_task(fail_then_spend())])

    asyncio.run(run_it())
    assert clock.passed == pytest.approx(2.0, abs=SLOT)


def test_a_clock_that_is_set_back_does_not_stop_us() -> None:
    clock = Clock()
    limiter = on(clock)

    def an_hour_back() -> None:
        clock.now -= 3600

    first_come(clock, limiter, an_hour_back)
    assert clock.passed == -3600


@pytest.mark.parametrize("processes", [1, 4])
def test_a_backfill_takes_hardly_longer_than_it_must(processes: int) -> None:
    """2,000 requests at 500 per 300 s, each answered after 0.3 s: at most 1.05 of the floor."""
    budget, needed = Budget("funding", 500, 300), 2_000

    def limiters(clock: Clock) -> list[Limiter]:
        state = FileState()
        return [on(clock, state=state) for _ in range(processes)]

    made = run([(1, 0.3)] * needed, budget=budget, workers=8, limiters=limiters)
    floor = needed / (500 / 300)
    assert made[-1][2] <= 1.05 * floor
    for first, later in pairwise([start for _, start, _ in made][::500]):
        assert later - first >= 300
