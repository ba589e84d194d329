"""Random schedules: pairs opened and closed while orders, questions, venues and the process fail.

A schedule follows from its seed. At its end faults end, the sidecar looks twice, and then
everything must hold; how long one leg was alone, while both venues answered, is told with it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from random import Random

from funding_platform.core.trading import ZERO, Fill
from funding_platform.execution import (
    ExecutionRules,
    Outcome,
    PairState,
    PaperCrash,
    RandomFaults,
)
from funding_platform_tests.execution.crashes import Moment, Steps
from funding_platform_tests.execution.world import LIMITS, PLENTY, SYMBOLS, World

CYCLE = 10.0
"""Seconds between two looks of the sidecar."""

NAKED_SECONDS = 60.0
"""The longest that one leg may be alone while both venues answer and somebody trades with us: two
looks, an order whose answer is lost, the grace, and as much again where that fails once more."""


@dataclass(frozen=True)
class Verdict:
    """How a schedule ended.

    Parameters
    ----------
    wrong
        What did not hold after two looks without faults.
    naked
        The longest that one leg was alone while both venues answered, in seconds.
    """

    seed: int
    wrong: Sequence[str]
    naked: float
    orders: int
    crashes: int
    opened: int


class Schedule:
    """One of them."""

    def __init__(self, seed: int, url: str) -> None:
        self.seed = seed
        self.luck = Random(seed)
        self.world = World(url, ExecutionRules(limit_seconds=self.luck.choice((0.0, 0.0, 4.0))))
        self.crashes = self.opened = 0
        chance, reads = self.luck.choice((0.1, 0.3, 0.6)), self.luck.choice((0.0, 0.02, 0.08))
        for number, venue in enumerate(self.world.venues.values()):
            venue.faults.chance = RandomFaults(
                2 * seed + number,
                order_chance=chance,
                read_chance=reads,
                outcomes=tuple(Outcome),
            )
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
            self.seed, wrong, self._naked(), len(self.world.placed), self.crashes, self.opened
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

    async def _look(self) -> None:
        while True:
            await self.world.reconciler.reconcile()
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
            part = LIMITS.round_quantity(held * Decimal(luck.randint(1, 100)) / 100)
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

    def _naked(self) -> float:
        """The longest stretch, without the times in which a venue could not be reached."""
        return max(self._longest(symbol) for symbol in SYMBOLS)

    def _longest(self, symbol: str) -> float:
        fills = sorted(
            (one for venue in self.world.venues.values() for one in venue.engine.state.fills),
            key=lambda one: one.filled_at,
        )
        longest, net, since = 0.0, ZERO, None
        for fill in (one for one in fills if one.venue_symbol == symbol):
            net += _signed(fill)
            if abs(net) < LIMITS.quantity_step:
                if since is not None:
                    longest = max(longest, self._answered(since, fill.filled_at))
                since = None
            elif since is None:
                since = fill.filled_at
        return longest

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
