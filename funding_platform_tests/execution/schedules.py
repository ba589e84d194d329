"""Random schedules: pairs opened and closed while orders, questions, venues and the process fail.

A schedule follows from its seed. At its end faults end, the sidecar looks twice, and then
everything must hold; no leg may have been alone, while both venues answered, for longer than
``longest_alone`` says of its rules, its venues, and what went wrong meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

from funding_platform.core.trading import ZERO, Fill, InstrumentLimits
from funding_platform.execution import (
    ExecutionRules,
    Outcome,
    PairState,
    PaperCrash,
    RandomFaults,
)
from funding_platform.execution.pair.alone import Met, Surroundings, longest_alone
from funding_platform.execution.pair.pairs import LegName
from funding_platform_tests.execution.crashes import Moment, Steps
from funding_platform_tests.execution.world import LIMITS, PLENTY, SYMBOLS, Note, World

CYCLE = 10.0
"""Seconds between two looks of the sidecar."""

TIMEOUT = 2.0
"""Seconds that a lost answer is waited for."""


@dataclass(frozen=True)
class Alone:
    """A stretch in which one leg had more than the other.

    Parameters
    ----------
    seconds
        How long it was, without the times in which a venue could not be reached.
    bound
        How long it may have been at most, with so many rounds of orders.
    undisturbed
        Whether nothing went wrong meanwhile but orders.
    """

    seconds: float
    bound: float
    undisturbed: bool


@dataclass(frozen=True)
class Verdict:
    """How a schedule ended.

    Parameters
    ----------
    wrong
        What did not hold after two looks without faults.
    alone
        When one leg had more than the other.
    """

    seed: int
    wrong: Sequence[str]
    alone: Sequence[Alone]
    orders: int
    crashes: int
    opened: int

    @property
    def late(self) -> list[Alone]:
        """Stretches that were longer than they may be."""
        return [one for one in self.alone if one.seconds > one.bound]


class Schedule:
    """One of them."""

    def __init__(
        self, seed: int, url: str, limits: Mapping[LegName, InstrumentLimits] | None = None
    ) -> None:
        self.seed = seed
        self.luck = Random(seed)
        rules = ExecutionRules(limit_seconds=self.luck.choice((0.0, 0.0, 4.0)))
        self.world = World(url, rules, limits)
        self.crashes = self.opened = 0
        self.looking = False
        chance, reads = self.luck.choice((0.1, 0.3, 0.6)), self.luck.choice((0.0, 0.02, 0.08))
        for number, venue in enumerate(self.world.venues.values()):
            venue.faults.chance = RandomFaults(
                2 * seed + number,
                order_chance=chance,
                read_chance=reads,
                outcomes=tuple(Outcome),
            )
            venue.conditions.timeout_seconds = TIMEOUT
            venue.conditions.order_seconds = self.luck.choice((0.0, 0.05, 0.5))
            venue.conditions.data_seconds = self.luck.choice((0.0, 0.05, 0.2))
            venue.conditions.grace_seconds = self.luck.choice((0.0, 0.0, 2.0))
            venue.conditions.stale_seconds = self.luck.choice((0.0, 0.0, 1.0))

    def run(self) -> Verdict:
        """Live through it."""
        for _ in range(self.luck.randint(2, 6)):
            self._survive(self._act())
        for venue in self.world.venues.values():
            venue.faults.clear()
            self.world.markets[venue.venue].each = PLENTY  # where it died before that
        Steps.unwatch(self.world.store)
        for _ in range(2):  # the last cut ends meanwhile
            self.world.time.run(self.world.settle_down(cycles=1, seconds=CYCLE))
        for _ in range(2):
            self.world.time.run(self.world.settle_down(cycles=1, seconds=CYCLE))
        wrong = self.world.wrong()
        self.world.store.close()
        return Verdict(
            self.seed, wrong, self._alone(), len(self.world.placed), self.crashes, self.opened
        )

    def _survive(self, *work: object) -> None:
        try:
            self.world.time.run(*work)  # type: ignore[arg-type]
        except PaperCrash:
            self.crashes += 1
            self.world.die()
            self._survive(self.world.reconciler.reconcile())

    async def _act(self) -> None:
        """Do one to three things at once while the sidecar looks on."""
        world, luck = self.world, self.luck
        if luck.random() < 0.15:
            Steps(luck.randint(0, 12), luck.choice(list(Moment))).watch(world.store)
        looks = asyncio.create_task(self._look())
        waiting = {asyncio.create_task(self._deed()) for _ in range(luck.randint(1, 3))}
        waiting.add(asyncio.create_task(asyncio.sleep(luck.choice((0.0, 3.0, CYCLE)))))
        while waiting:
            done, waiting = await asyncio.wait(
                {looks, *waiting}, return_when=asyncio.FIRST_COMPLETED
            )
            for one in done:
                one.result()
            waiting -= {looks}
        if self.looking:
            self.world.note(Note.RESTART)  # the look ends with the act

    async def _look(self) -> None:
        while True:
            self.looking = True
            await self.world.reconciler.reconcile()
            self.looking = False
            await asyncio.sleep(CYCLE)

    async def _deed(self) -> None:
        world, luck = self.world, self.luck
        kind = luck.choices(
            ("open", "close", "cut", "shrink", "move", "thin", "halt"), (8, 6, 1, 1, 2, 1, 0.5)
        )[0]
        await asyncio.sleep(luck.uniform(0, 3))
        symbol, venue = luck.choice(SYMBOLS), luck.choice(list(world.venues.values()))
        if kind == "open" and world.executor.ready:
            intent = world.intent(
                Decimal(luck.randint(6, 3_000)), symbol, turned=luck.random() < 0.5
            )
            # Its name says who goes first where two pairs go on at once.
            named = replace(intent, pair_id=f"{luck.getrandbits(64):016x}")
            result = await world.executor.open(named)
            self.opened += result.state is PairState.OPEN
        elif kind == "close":
            for pair in world.journal.pairs(PairState.OPEN)[:1]:
                await world.executor.close(pair.pair_id, "drawn")
        elif kind == "cut":
            venue.disconnect(luck.uniform(0, 20))
        elif kind == "shrink":
            held = abs(venue.engine.state.account.quantity(symbol))
            limits = world.markets[venue.venue].known[symbol]
            part = limits.round_quantity(held * Decimal(luck.randint(1, 100)) / 100)
            if part:
                venue.deleverage(symbol, part)
        elif kind == "move":
            move = Decimal(luck.randint(-200, 200)) / 100
            for market in world.markets.values():
                market.mids[symbol] = max(market.mids[symbol] + move, Decimal(50))
        elif kind == "thin":
            world.markets[venue.venue].each = Decimal(luck.choice((0, 1, 2)))
            await asyncio.sleep(luck.uniform(0, 3))
            world.markets[venue.venue].each = PLENTY
        elif kind == "halt":
            world.store.halt("drawn", "test")
            await asyncio.sleep(luck.uniform(0, CYCLE))
            world.store.resume("drawn", "test")

    # How long one leg was alone

    def _alone(self) -> list[Alone]:
        return [one for symbol in SYMBOLS for one in self._alone_in(symbol)]

    def _alone_in(self, symbol: str) -> Iterator[Alone]:
        fills = sorted(
            (one for venue in self.world.venues.values() for one in venue.engine.state.fills),
            key=lambda one: one.filled_at,
        )
        net, since = ZERO, None
        for fill in (one for one in fills if one.venue_symbol == symbol):
            net += _signed(fill)
            if abs(net) < LIMITS.quantity_step:
                if since is not None and fill.filled_at > since:
                    yield self._stretch(since, fill.filled_at)
                since = None
            elif since is None:
                since = fill.filled_at

    def _stretch(self, since: datetime, until: datetime) -> Alone:
        count = Counter(what for at, what in self.world.notes if since <= at <= until)
        met = Met(
            restarts=count[Note.RESTART],
            missed_looks=count[Note.MISSED_LOOK],
            lost_answers=count[Note.LOST_ANSWER],
        )
        venues = [one.conditions for one in self.world.venues.values()]
        around = Surroundings(
            answer_seconds=max(max(one.order_seconds, one.data_seconds) for one in venues),
            timeout_seconds=max(one.order_seconds + one.timeout_seconds for one in venues),
            between_looks_seconds=self._between_looks(since, until),
        )
        bound = longest_alone(self.world.rules, around, met, count[Note.ROUND])
        return Alone(self._answered(since, until), bound, met == Met())

    def _between_looks(self, since: datetime, until: datetime) -> float:
        """The longest from one look to the next, of those between which one leg was alone."""
        looks = [at for at, what in self.world.notes if what is Note.LOOK]
        gaps = [b - a for a, b in pairwise(looks) if a <= until and b >= since]
        return max(gaps, default=timedelta(seconds=CYCLE)).total_seconds()

    def _answered(self, since: datetime, until: datetime) -> float:
        """Seconds between two instants in which no venue was cut off."""
        left = until - since
        reached = since
        for begin, end in sorted(self.world.cuts):
            begin, end = max(begin, reached), min(end, until)
            if end > begin:
                left -= end - begin
                reached = end
        return left.total_seconds()


def _signed(fill: Fill) -> Decimal:
    return fill.side.sign * fill.quantity
