"""The cycle of a trader: look, ask, decide, close, open, and say what came of it.

It is the only part of a cycle that waits, asks and writes. Whoever runs it reconciles first, and
runs one cycle at a time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from funding_platform.core.errors import FundingError
from funding_platform.core.system.clock import Clock
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.accounts import ask_accounts
from funding_platform.execution.cycle.decide import decide, readmit
from funding_platform.execution.cycle.facts import (
    Decisions,
    Refusal,
    Refused,
    Seen,
    ToOpen,
    VenueState,
)
from funding_platform.execution.cycle.market import LatestMarket, market_frame
from funding_platform.execution.cycle.memory import DIVERGENCE, Ended, held_pairs, resting_bases
from funding_platform.execution.cycle.screen import screen
from funding_platform.execution.cycle.sight import MarketSource, Sight
from funding_platform.execution.cycle.told import Told
from funding_platform.execution.ledger import PairLedger, live_ledgers
from funding_platform.execution.pair.executor import AtomicPairExecutor
from funding_platform.execution.pair.pairs import InstrumentRef, PairIntent, PairResult, PairState
from funding_platform.execution.store.journal import Journal
from funding_platform.strategies.contract import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """What one cycle saw, decided and did.

    Parameters
    ----------
    results
        Of the closes, then of the openings, in their order.
    pairs
        What is held afterwards.
    seconds
        How long it took; ``deciding_seconds`` of that without asking or sending anything.
    content
        What screens show of it.
    """

    seen: Seen
    decisions: Decisions
    results: Sequence[PairResult]
    pairs: Sequence[PairLedger]
    seconds: float
    deciding_seconds: float
    content: Mapping[str, Any]

    @property
    def opened(self) -> int:
        """How many pairs stand that did not before."""
        return sum(result.state is PairState.OPEN for result in self.results)

    @property
    def closed(self) -> int:
        """How many pairs are over that were open."""
        return sum(result.state is PairState.CLOSED for result in self.results)


class FundingArbitrageStrategy:
    """Trades one strategy, the very object of a backtest, over accounts.

    Parameters
    ----------
    config
        Strategy, limits, exits.
    executor
        Opens and closes pairs; its clients are the accounts, its journal the memory.
    source
        Sees the market.
    clock
        That of the executor.
    strategy
        One that no configuration names; that of the configuration by default.
    """

    def __init__(
        self,
        config: TradingConfig,
        executor: AtomicPairExecutor,
        source: MarketSource,
        clock: Clock,
        strategy: Strategy | None = None,
    ) -> None:
        self.config, self.executor, self.source, self.clock = config, executor, source, clock
        self.strategy: Strategy = strategy or config.strategy
        self._told = Told()
        self._ended = Ended(executor.journal)
        self._turned_down: dict[str, datetime] = {}
        """When the venues last did not allow a pair of a base."""
        self._cycles = 0

    @property
    def journal(self) -> Journal:
        """Where everything is remembered."""
        return self.executor.journal

    async def cycle(self) -> CycleReport:
        """Run one cycle.

        A market that cannot be seen refuses everything that is new; the exits that need no market
        stand.

        Raises
        ------
        StoreError
            If nothing can be remembered.
        NotReconciledError
            Before the first reconciliation.
        """
        began = self.clock.timer()
        seen, unseen = await self._look()
        decisions = decide(self.strategy, seen, self.config)
        deciding = self.clock.timer() - began
        results, refused = await self._carry_out(decisions, seen)
        all_refused = (*unseen, *decisions.refused, *refused)
        for event in self._told.news(all_refused, self.clock.now()):
            self.journal.store.add_event(event)
        self._cycles += 1
        pairs = await asyncio.to_thread(
            live_ledgers, self.journal, await self._marks(seen, results)
        )
        ended = await asyncio.to_thread(self._ended.look, self.clock.now())
        seconds = self.clock.timer() - began
        content = screen(
            now=self.clock.now(),
            trader=self.config.name,
            seen=seen,
            pairs=pairs,
            ended=ended,
            cycle={
                "number": self._cycles,
                "seconds": seconds,
                "opened": sum(one.state is PairState.OPEN for one in results),
                "closed": sum(one.state is PairState.CLOSED for one in results),
                "refused": [
                    *(f"{one.reason}: {one.words}" for one in all_refused),
                    *(
                        reason
                        for one in results
                        if one.state is PairState.REFUSED
                        for reason in one.reasons
                    ),
                ],
            },
        )
        self.journal.store.add_snapshot(content)
        return CycleReport(
            seen=seen,
            decisions=decisions,
            results=results,
            pairs=pairs,
            seconds=seconds,
            deciding_seconds=deciding,
            content=content,
        )

    async def _look(self) -> tuple[Seen, list[Refused]]:
        """See market, accounts and memory; what cannot be seen is told as a refusal."""
        active = [leg.instrument for leg in self.journal.active_legs()]
        sight, accounts = await asyncio.gather(
            asyncio.to_thread(self._see, active), ask_accounts(self.executor.clients, self.clock)
        )
        unseen = [sight] if isinstance(sight, Refused) else []
        known = Sight() if isinstance(sight, Refused) else sight
        now = self.clock.now()
        market = LatestMarket(
            market_frame(known.instruments, active), now, known.rates, known.features
        )
        marks = marks_of(market, accounts)
        held = await asyncio.to_thread(live_ledgers, self.journal, marks)
        halt = self.journal.store.halted()
        seen = Seen(
            market=market,
            opportunities=known.opportunities,
            opportunities_at=known.opportunities_at,
            held=held_pairs(held),
            venues=accounts,
            resting=self._resting(now),
            halted=(halt.reason or "without a reason") if halt.halted else None,
            untraded=known.untraded,
        )
        return seen, unseen

    def _resting(self, now: datetime) -> Mapping[str, datetime]:
        """Return until when each base rests: a pair that venues do not allow is in no table."""
        turned_down = {base: at + self.config.cooldown for base, at in self._turned_down.items()}
        ended = resting_bases(self.journal.store, now, self.config.cooldown)
        return {**turned_down, **ended}

    def _see(self, active: Sequence[InstrumentRef]) -> Sight | Refused:
        try:
            return self.source.look(active)
        except FundingError as error:
            return Refused(reason=Refusal.MARKET_UNSEEN, words=error.message)

    async def _carry_out(
        self, decisions: Decisions, seen: Seen
    ) -> tuple[list[PairResult], list[Refused]]:
        """Close, all at once, for no two pairs share an instrument; then open, one by one."""
        closed = await asyncio.gather(
            *(self.executor.close(one.pair.pair_id, one.reason) for one in decisions.closes)
        )
        opens: Sequence[ToOpen] = decisions.opens
        refused: list[Refused] = []
        gone = {result.pair_id for result in closed if result.state.final}
        if len(gone) < len(decisions.closes):
            opens, refused = readmit(opens, seen, self.config, gone)
        opened = []
        for one in opens:
            opened.append(result := await self.executor.open(self._intent(one)))
            if result.state is PairState.REFUSED:
                self._turned_down[one.base] = self.clock.now()
        return [*closed, *opened], refused

    async def _marks(
        self, seen: Seen, results: Sequence[PairResult]
    ) -> dict[InstrumentRef, Decimal]:
        """Return what is held is valued at now; venues are asked again where something traded."""
        if not results:
            return marks_of(seen.market, seen.venues)
        accounts = await ask_accounts(self.executor.clients, self.clock)
        return marks_of(seen.market, accounts)

    def _intent(self, wanted: ToOpen) -> PairIntent:
        facts = {DIVERGENCE: wanted.divergence_8h, "trader": self.config.name}
        return PairIntent(
            base=wanted.base,
            long=wanted.long,
            short=wanted.short,
            size_usd=Decimal(repr(wanted.size_usd)),
            decided_at=self.clock.now(),
            strategy=getattr(self.strategy, "name", type(self.strategy).__name__),
            memo=wanted.memo,
            facts=facts,
        )


def marks_of(
    market: LatestMarket, accounts: Mapping[str, VenueState]
) -> dict[InstrumentRef, Decimal]:
    """Return the prices that are known: of what is held its venue's, else those of the market."""
    seen = {
        market.legs[row]: Decimal(repr(float(market.price[row])))
        for row in map(int, np.flatnonzero(np.isfinite(market.price)))
    }
    held = {
        InstrumentRef(venue, symbol): mark
        for venue, account in accounts.items()
        for symbol, mark in account.marks.items()
    }
    return seen | held
