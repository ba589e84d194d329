"""Both legs, or neither: the executor of pairs."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import ZERO
from funding_platform.execution.errors import NotReconciledError
from funding_platform.execution.pair.book import PairBook, load
from funding_platform.execution.pair.entry.opening import Opening
from funding_platform.execution.pair.entry.preflight import Preflight, preflight
from funding_platform.execution.pair.pairs import (
    LEGS,
    InstrumentRef,
    LegName,
    PairIntent,
    PairResult,
    PairState,
)
from funding_platform.execution.pair.refusals import Refusal, RefusalKind
from funding_platform.execution.pair.results import refusal, result
from funding_platform.execution.pair.rounds.converge import Converger
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import LegRecord, NewEvent, PairRecord
from funding_platform.venues.orders.contract import ExchangeClient


class AtomicPairExecutor:
    """Opens and closes pairs so that both legs fill, or neither stays.

    Parameters
    ----------
    clients
        By the name of the venue.

    Attributes
    ----------
    ready
        Whether the venues have been reconciled; set by ``Reconciler``.
    looked_at
        Up to when ``Reconciler`` has read the fills of all venues; None before that.
    """

    def __init__(
        self,
        clients: Mapping[str, ExchangeClient],
        journal: Journal,
        rules: ExecutionRules | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clients = clients
        self.journal = journal
        self.rules = rules or ExecutionRules()
        self.clock = clock or Clock()
        self.ready = False
        self.looked_at: datetime | None = None
        self._converger = Converger(clients, journal, self.rules, self.clock)
        self._opening = Opening(self._converger, journal, self.rules, self.clock)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: dict[str, int] = defaultdict(int)
        self._used: set[InstrumentRef] = set()
        self._unread: dict[str, datetime] = {}
        """Since when the fills of a pair have not been read, where a step of it was broken off."""

    async def check(self, intent: PairIntent) -> Preflight:
        """Return whether a pair could be opened now, and how; nothing is placed or written."""
        found = await preflight(intent, self.clients, self.rules, self.clock)
        if (halt := self.journal.store.halted()).halted:
            return found.also(Refusal(RefusalKind.HALTED, halt.reason))
        return found

    async def open(self, intent: PairIntent) -> PairResult:
        """Open a pair, or leave nothing.

        Returns
        -------
        PairResult
            ``open``: both legs are held alike. ``aborted``: neither is. ``refused``: nothing was
            placed. ``opening`` or ``unwinding``: a venue could not be reached, the next
            reconciliation goes on.

        Raises
        ------
        NotReconciledError
            Before the first reconciliation.
        StoreError
            If what is to be done cannot be written: then nothing was sent.
        """
        if not self.ready:
            raise NotReconciledError(
                f"{intent.base} is not opened before it is known what the venues hold",
                hint="reconcile first: `funding trade reconcile` says what is in the way",
            )
        wanted = {intent.long, intent.short}
        if taken := self._taken(wanted):
            return self._refuse(intent, [str(Refusal(RefusalKind.IN_USE, f"{taken} is in a pair"))])
        self._used |= wanted
        kept = False
        try:
            async with self._turn(intent.pair_id):
                book = await self._begin(intent)
                if isinstance(book, PairResult):
                    return book
                kept = True
                self._unread[intent.pair_id] = intent.decided_at
                since = self._before(intent.decided_at)
                if await self._converger.converge(book, since, self.rules.completions):
                    del self._unread[intent.pair_id]
                kept = not book.state.final
                return self._result(book, intent.decided_at)
        finally:
            if not kept:
                self._used -= wanted

    async def _begin(self, intent: PairIntent) -> PairBook | PairResult:
        """Check, write and send both legs; the result where nothing was placed."""
        found = await self.check(intent)
        if found.refusals or found.size is None:
            return self._refuse(intent, [str(one) for one in found.refusals])
        now = self.clock.now()
        pair = PairRecord(
            pair_id=intent.pair_id,
            state=PairState.OPENING,
            base=intent.base,
            strategy=intent.strategy,
            memo=Decimal(str(intent.memo)),
            facts=dict(intent.facts),
            size_usd=intent.size_usd,
            quantity=found.size.quantity,
            lot=found.size.lot,
            decided_at=intent.decided_at,
            opened_at=None,
            closed_at=None,
            close_reason=None,
            naked_seconds=ZERO,
            updated_at=now,
        )
        book = PairBook.begin(pair, [_leg(intent, leg, found) for leg in LEGS])
        limits = {leg: facts.limits for leg, facts in found.facts.items() if facts.limits}
        books = {leg: facts.book for leg, facts in found.facts.items()}
        if refused := await self._opening.carry_out(book, limits, books):
            return self._refuse(intent, [str(refused)])
        return book

    async def close(self, pair_id: str, reason: str, actor: str = "strategy") -> PairResult:
        """Close a pair with orders that can only reduce; also while new risk is halted.

        Returns
        -------
        PairResult
            ``closed``: neither leg is held. ``closing``: something is left, which the next
            reconciliation goes on with. A pair that is over is returned as it is.

        Raises
        ------
        UnknownPairError
            If there is none of that name.
        """
        async with self._turn(pair_id):
            book, began = self.load(pair_id), self.clock.now()
            earlier = frozenset(book.orders)
            if not book.state.final:
                book.note("close_asked", reason, actor)
                if book.state is PairState.OPEN:
                    book.enter(PairState.CLOSING, began, reason)
                elif book.state is PairState.OPENING:
                    book.enter(PairState.UNWINDING, began, reason)
                self.journal.write("close", book.take_changes())
                await self._go_on(book)
            return self._result(book, began, earlier)

    async def resume(self, pair_id: str) -> PairResult:
        """Go on with a pair from what the venues hold: after a crash, or when a leg has shrunk.

        Nothing is opened: what lags is no longer completed. Of a pair that is over, what it holds
        after all is given back.
        """
        async with self._turn(pair_id):
            book, began = self.load(pair_id), self.clock.now()
            earlier = frozenset(book.orders)
            await self._go_on(book)
            return self._result(book, began, earlier)

    async def _go_on(self, book: PairBook) -> None:
        """Learn what became of orders that are not final, then converge."""
        unfinished = book.unfinished()
        read = self._unread.setdefault(book.pair.pair_id, self.looked_at or book.pair.decided_at)
        since = self._before(min([read, *(one.created_at for one in unfinished)]))
        await asyncio.gather(
            *(self._converger.desk.follow(book, one.client_id, 0.0) for one in unfinished)
        )
        if await self._converger.converge(book, since, completions=0):
            del self._unread[book.pair.pair_id]
        if book.state.final:
            self._used -= {one.instrument for one in book.legs.values()}

    def load(self, pair_id: str) -> PairBook:
        """Read a pair from the journal."""
        return load(self.journal, pair_id)

    def is_busy(self, pair_id: str) -> bool:
        """Tell whether a step of a pair is under way."""
        return self._waiting[pair_id] > 0

    def use(self, legs: list[LegRecord]) -> None:
        """Take note of instruments that pairs hold, as the journal has them."""
        self._used |= {one.instrument for one in legs}

    def _taken(self, wanted: set[InstrumentRef]) -> str:
        return " and ".join(str(one) for one in sorted(wanted & self._used))

    @asynccontextmanager
    async def _turn(self, pair_id: str) -> AsyncIterator[None]:
        """Let one step of a pair be under way at a time."""
        self._waiting[pair_id] += 1
        try:
            async with self._turns[pair_id]:
                yield
        finally:
            self._waiting[pair_id] -= 1
            if not self._waiting[pair_id]:
                del self._waiting[pair_id], self._turns[pair_id]

    def _before(self, moment: datetime) -> datetime:
        """Return an instant before which no fill of what began then can be, by any clock."""
        return moment - timedelta(seconds=self.rules.max_clock_skew_seconds)

    def _refuse(self, intent: PairIntent, reasons: list[str]) -> PairResult:
        """Write down why nothing is placed."""
        self.journal.store.add_event(
            NewEvent(
                kind=PairState.REFUSED,
                reason="; ".join(reasons),
                pair_id=intent.pair_id,
                details={"base": intent.base, "long": str(intent.long), "short": str(intent.short)},
            )
        )
        return refusal(intent, reasons, self.clock.now())

    def _result(
        self, book: PairBook, began: datetime, earlier: frozenset[str] = frozenset()
    ) -> PairResult:
        sent = max(book.sent_at.values(), default=None)
        to_sent = None if sent is None else (sent - began).total_seconds()
        return result(book, self.clock.now(), began=began, to_sent=to_sent, since=earlier)


def _leg(intent: PairIntent, leg: LegName, found: Preflight) -> LegRecord:
    facts = found.facts[leg]
    at = intent.instrument(leg)
    mid, limits = facts.book.mid, facts.limits
    assert mid is not None
    assert facts.fees is not None
    assert limits is not None
    return LegRecord(
        pair_id=intent.pair_id,
        leg=leg,
        venue=at.venue,
        venue_symbol=at.venue_symbol,
        mid_price=mid,
        mark_price=mid,
        taker_bps=facts.fees.taker_bps,
        active=True,
        contract_type=limits.contract_type,
    )
