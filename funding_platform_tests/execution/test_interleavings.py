"""Whatever happens in whatever order: what must hold, holds whenever nothing is under way."""

import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from funding_platform.execution import Outcome, PairState, PaperCrash, Script
from funding_platform_tests.execution.stored import all_orders
from funding_platform_tests.execution.world import LIMITS, SYMBOLS, VENUES, World, copy_of

_template: list[Path] = []

SYMBOL = st.sampled_from(SYMBOLS)
VENUE = st.sampled_from(list(VENUES.values()))


class Interleavings(RuleBasedStateMachine):
    """Pairs that open and close while venues, orders and the process fail."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(copy_of(_template[0], self.folder))
        self.over: dict[str, PairState] = {}
        self.halted_at: int | None = None
        self.world.time.run(self.world.reconciler.reconcile())

    @rule(symbol=SYMBOL, size=st.integers(1, 3_000), turned=st.booleans())
    def open(self, symbol: str, size: int, turned: bool) -> None:
        async def work() -> None:
            await self.world.executor.open(self.world.intent(Decimal(size), symbol, turned=turned))

        self._live(work())

    @rule(which=st.integers(0, 3))
    def close(self, which: int) -> None:
        pairs = self.world.journal.pairs(PairState.OPEN)
        if pairs:
            pair = pairs[which % len(pairs)]
            self._live(self.world.executor.close(pair.pair_id, "drawn"))

    @rule(
        venue=VENUE,
        outcome=st.sampled_from(Outcome),
        arrives=st.booleans(),
        share=st.integers(0, 99),
        seconds=st.floats(0, 8),
    )
    def script(
        self, venue: str, outcome: Outcome, arrives: bool, share: int, seconds: float
    ) -> None:
        self.world.venues[venue].faults.script(
            Script(outcome=outcome, arrives=arrives, share=Decimal(share) / 100, seconds=seconds)
        )

    @rule(venue=VENUE, symbol=SYMBOL, share=st.integers(1, 100))
    def shrink(self, venue: str, symbol: str, share: int) -> None:
        held = abs(self.world.venues[venue].engine.state.account.quantity(symbol))
        part = LIMITS.round_quantity(held * share / 100)
        if part:
            self.world.venues[venue].deleverage(symbol, part)
            self._live(None)

    @rule(symbol=SYMBOL, rate=st.integers(-30, 30))
    def settle(self, symbol: str, rate: int) -> None:
        at = self.world.time.now() + timedelta(seconds=1)
        for market in self.world.markets.values():
            market.settle(symbol, at, Decimal(rate) / 10_000)
        self._live(None)

    @rule(symbol=SYMBOL, cents=st.integers(-300, 300))
    def move(self, symbol: str, cents: int) -> None:
        for market in self.world.markets.values():
            market.mids[symbol] = max(market.mids[symbol] + Decimal(cents) / 100, Decimal(50))

    @rule(venue=VENUE, seconds=st.floats(0, 20))
    def cut(self, venue: str, seconds: float) -> None:
        self.world.venues[venue].disconnect(seconds)

    @rule()
    def halt(self) -> None:
        self.world.store.halt("drawn", "test")
        self.halted_at = self._openings()

    @rule()
    def resume(self) -> None:
        self.world.store.resume("drawn", "test")
        self.halted_at = None

    @rule()
    def die(self) -> None:
        self.world.die()
        self._live(None)

    @invariant()
    def all_is_well(self) -> None:
        if not hasattr(self, "world"):
            return
        assert not self.world.wrong()
        if self.halted_at is not None:
            assert self._openings() == self.halted_at, "an order that opens, after a halt"
        for pair in self.world.journal.pairs():
            assert self.over.get(pair.pair_id, pair.state) is pair.state, "over, and open again"
            if pair.state.final:
                self.over[pair.pair_id] = pair.state

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.store.close()
            shutil.rmtree(self.folder)

    def _openings(self) -> int:
        return sum(not one.reduce_only for one in all_orders(self.world.journal))

    def _live(self, work: Coroutine[Any, Any, object] | None) -> None:
        """Let something happen, and the sidecar look until everything has been seen."""
        for one in (work, self.world.settle_down(cycles=2), self.world.settle_down(cycles=2)):
            if one is not None:
                try:
                    self.world.time.run(one)
                except PaperCrash:
                    self.world.die()
        self.world.time.run(self.world.settle_down(cycles=2))


@pytest.fixture(autouse=True)
def template(empty_store: Path) -> None:
    _template[:] = [empty_store]


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=12, stateful_step_count=14, deadline=None)
