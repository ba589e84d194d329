"""Reconciliation: what the venues hold is right, and what we remember follows.

Before the first look at a venue its account is set as trading relies on (one-way mode, margin
mode), and read back. Every look asks all venues for open orders, fills, funding, and positions, and
then

1. cancels open orders of ours that nobody waits for, and halts for those of strangers;
2. puts down fills and payments that are new, with the pair that they belong to;
3. goes on with every pair that is not settled, that has an order of unknown outcome, or of which a
   leg holds something else than its fills say: a leg that shrank is followed by the other at once;
4. gives back what late fills left on instruments of pairs that are over;
5. halts for positions that belong to no pair.

The first look that every venue answers allows trading.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from funding_platform.core.trading import (
    ZERO,
    Fill,
)
from funding_platform.execution.pair.book import is_ours, pair_of
from funding_platform.execution.pair.executor import AtomicPairExecutor
from funding_platform.execution.pair.looks import (
    Found,
    Reconciliation,
    VenueState,
    holder_at,
)
from funding_platform.execution.pair.pairs import InstrumentRef, PairResult, PairState
from funding_platform.execution.pair.truth.handover import Handover
from funding_platform.execution.pair.truth.preparation import Preparation
from funding_platform.execution.store.journal import LIVE, Holder
from funding_platform.execution.store.records import LegRecord, NewEvent, PaymentRecord
from funding_platform.venues.errors import VenueError
from funding_platform.venues.orders.contract import ExchangeClient


class Reconciler:
    """Compares venues with the journal, and mends the journal.

    Parameters
    ----------
    look_back
        How far back fills and payments are read at the first look, and before the last one at
        every later: venues book late.
    """

    def __init__(
        self, executor: AtomicPairExecutor, look_back: timedelta = timedelta(hours=1)
    ) -> None:
        self.executor = executor
        self._journal = executor.journal
        self._clock = executor.clock
        self._look_back = look_back
        self._handover = Handover(self._journal)
        self._preparation = Preparation(executor.clients, self._journal)

    async def reconcile(self) -> Reconciliation:
        """Look at all venues once; the first complete look allows trading."""
        legs = self._journal.active_legs()
        self.executor.use(legs)
        unfit = await self._preparation.prepare()
        states, unreachable = await self._look(set(self.executor.clients) - set(unfit))
        unreachable |= unfit
        found = Found()
        for venue, state in states.items():
            try:
                await self._judge_orders(venue, state, found)
            except VenueError as error:
                unreachable[venue] = error.message
            self._adopt_fills(venue, state, found)
            self._adopt_payments(venue, state, found)
        if not unreachable:
            self.executor.looked_at = min(one.asked_at for one in states.values())
        self._judge_positions(states, found)
        self._unsettled(found, set(unreachable))
        resumed = await self._resume(found)
        self._conclude(found)
        if not unreachable:
            self.executor.ready = True
        self._journal.move_cursors({venue: one.asked_at for venue, one in states.items()})
        return Reconciliation(
            unreachable=unreachable,
            canceled=tuple(found.canceled),
            adopted=tuple(found.adopted),
            payments=found.payments,
            resumed=tuple(resumed),
            mismatches=tuple(found.mismatches),
        )

    async def keep(self, seconds: float) -> None:
        """Reconcile again and again, so many seconds apart, until canceled."""
        while True:
            await self._clock.sleep(seconds)
            await self.reconcile()

    # Asking

    async def _look(self, venues: set[str]) -> tuple[dict[str, VenueState], dict[str, str]]:
        """Ask venues at once; one that does not answer keeps no other from it."""
        clients = {name: one for name, one in self.executor.clients.items() if name in venues}
        cursors = self._journal.cursors()
        answers = await asyncio.gather(
            *(self._ask(one, cursors.get(venue)) for venue, one in clients.items()),
            return_exceptions=True,
        )
        states, unreachable = {}, {}
        for venue, answer in zip(clients, answers, strict=True):
            if isinstance(answer, VenueState):
                states[venue] = answer
            elif isinstance(answer, VenueError):
                unreachable[venue] = answer.message
            else:
                raise answer
        return states, unreachable

    async def _ask(self, client: ExchangeClient, reached: datetime | None) -> VenueState:
        now = self._clock.now()
        since = (reached or now) - self._look_back
        holdings = await client.holdings()
        open_orders, fills, payments = await asyncio.gather(
            client.open_orders(),
            client.fills(since),
            client.funding_payments(since),
        )
        return VenueState(
            open_orders=open_orders,
            fills=fills,
            payments=payments,
            holdings=holdings,
            asked_at=now,
        )

    # Judging

    async def _judge_orders(self, venue: str, state: VenueState, found: Found) -> None:
        """Take back orders of ours that nobody waits for; a stranger's is a mismatch."""
        for report in state.open_orders:
            client_id = report.client_id
            if not is_ours(client_id):
                found.mismatches.append(
                    f"{venue} {report.venue_symbol}: order {client_id!r} is not ours"
                )
            elif not self.executor.is_busy(pair_of(client_id)):
                if self._journal.order(client_id) is not None:
                    found.to_resume.add(pair_of(client_id))
                    continue  # going on with its pair takes it back, and counts what it filled
                await self.executor.clients[venue].cancel(report.venue_symbol, client_id)
                found.canceled.append(client_id)

    def _adopt_fills(self, venue: str, state: VenueState, found: Found) -> None:
        """Put down fills that are new, each with its pair."""
        since = min((one.filled_at for one in state.fills), default=state.asked_at)
        known = self._journal.fill_ids(venue, since)
        holders = self._journal.holders(venue, since)
        for fill in state.fills:
            if (fill.venue_symbol, fill.fill_id) in known:
                continue
            pair_id = self._pair_of_fill(fill, holders) or self._left_with(venue, fill)
            if pair_id is None:
                self._journal.add_stray_fill(venue, fill)
                found.adopted.append(f"{venue} {fill.fill_id}")
                found.mismatches.append(f"{venue} {fill.venue_symbol}: a fill of no order of ours")
            elif not self.executor.is_busy(pair_id):
                self._adopt(venue, fill, pair_id, found)

    def _adopt(self, venue: str, fill: Fill, pair_id: str, found: Found) -> None:
        """Put a fill down with its pair; the last pair of the instrument has what it did."""
        last = self._journal.last_pair(InstrumentRef(venue, fill.venue_symbol))
        other = last if last is not None and last.pair_id != pair_id else None
        if other is not None and self.executor.is_busy(other.pair_id):
            return  # it reads it, or the next look does
        book = self.executor.load(pair_id)
        nameless = last is not None and other is None and fill.client_id is None
        if book.add_fill(venue, fill, last.leg if last and nameless else None):
            book.note("fill_adopted", f"{venue} {fill.fill_id}")
            self._journal.write("adopt", book.take_changes())
            found.adopted.append(f"{venue} {fill.fill_id}")
            found.to_resume.add(pair_id)
            if other is not None:
                self._handover.take_left(self.executor.load(other.pair_id), other.leg)
                found.to_resume.add(other.pair_id)

    def _pair_of_fill(self, fill: Fill, holders: Mapping[str, Sequence[Holder]]) -> str | None:
        """Return the pair that a fill belongs to: by its order, or by who held what was taken."""
        if fill.client_id is not None:
            order = self._journal.order(fill.client_id)
            return None if order is None else order.pair_id
        return holder_at(holders.get(fill.venue_symbol, ()), fill.filled_at)[0]

    def _left_with(self, venue: str, fill: Fill) -> str | None:
        """Return the pair that is over and had filled late, where the venue took some of that."""
        last = self._journal.last_pair(InstrumentRef(venue, fill.venue_symbol))
        if last is None or fill.client_id is not None:
            return None
        book = self.executor.load(last.pair_id)
        held = book.signed(last.leg)
        took = held * fill.side.sign < 0 and fill.quantity <= abs(held)
        return last.pair_id if took and fill.filled_at >= book.pair.decided_at else None

    def _legs_now(self) -> dict[InstrumentRef, LegRecord]:
        return {one.instrument: one for one in self._journal.active_legs()}

    def _adopt_payments(self, venue: str, state: VenueState, found: Found) -> None:
        """Put down funding, with the leg that held the instrument when it was paid."""
        since = min((one.paid_at for one in state.payments), default=state.asked_at)
        holders = self._journal.holders(venue, since)
        records = []
        for one in state.payments:
            pair_id, leg = holder_at(holders.get(one.venue_symbol, ()), one.paid_at)
            records.append(
                PaymentRecord(
                    venue=venue,
                    payment_id=one.payment_id,
                    pair_id=pair_id,
                    leg=leg,
                    venue_symbol=one.venue_symbol,
                    quantity=one.quantity,
                    rate=one.rate,
                    amount_usd=one.amount_usd,
                    paid_at=one.paid_at,
                )
            )
        found.payments += self._journal.add_payments(records)

    def _judge_positions(self, states: Mapping[str, VenueState], found: Found) -> None:
        """Find legs that hold something else than they should, and positions of no pair."""
        legs = self._legs_now()
        lots = {pair.pair_id: pair.lot for pair in self._journal.pairs(*LIVE)}
        net: defaultdict[str, Decimal] = defaultdict(Decimal)
        fills = self._journal.positions(*{one.pair_id for one in legs.values()})
        marked = []
        for instrument, leg in legs.items():
            held = fills.get((leg.pair_id, leg.leg), ZERO)
            net[leg.pair_id] += held / leg.per_base
            state = states.get(instrument.venue)
            if state is None or self.executor.is_busy(leg.pair_id):
                continue
            holding = state.holdings.get(instrument.venue_symbol)
            if held != (ZERO if holding is None else holding.quantity):
                found.to_resume.add(leg.pair_id)
            if holding is not None and holding.mark_price != leg.mark_price:
                marked.append(replace(leg, mark_price=holding.mark_price))
        # One leg was reduced, and the other is still as it was.
        found.to_resume |= {pair_id for pair_id, base in net.items() if abs(base) >= lots[pair_id]}
        self._journal.write_marks(marked)
        for venue, state in states.items():
            for symbol, holding in state.holdings.items():
                instrument = InstrumentRef(venue, symbol)
                if instrument not in legs and holding.quantity:
                    self._unexpected(instrument, holding.quantity, state.asked_at, found)

    def _unexpected(
        self, instrument: InstrumentRef, quantity: Decimal, asked_at: datetime, found: Found
    ) -> None:
        """Give back what a pair that is over holds after all; all else is a stranger's.

        Of one that has traded since it was asked, or just before, the next look judges: what was
        read is the position that it has given back.
        """
        last = self._journal.last_pair(instrument)
        if last is not None and self.executor.is_busy(last.pair_id):
            return
        if last is not None:
            pair = self.executor.load(last.pair_id)
            if pair.signed(last.leg) == quantity:
                found.to_resume.add(last.pair_id)
                return
            if pair.touched_at() >= asked_at - timedelta(seconds=self.executor.rules.grace_seconds):
                return
        found.mismatches.append(f"{instrument}: {quantity:f} are held by no pair of ours")

    def _unsettled(self, found: Found, silent: set[str]) -> None:
        """Find pairs that are under way, or have orders of unknown outcome."""
        waiting = {one.pair_id for one in self._journal.unfinished_orders()}
        found.to_resume |= waiting
        for pair in self._journal.pairs(*LIVE):
            if pair.state is not PairState.OPEN:
                found.to_resume.add(pair.pair_id)
        if silent:
            venues: dict[str, set[str]] = {}
            for leg in self._journal.legs(*found.to_resume):
                venues.setdefault(leg.pair_id, set()).add(leg.venue)
            found.to_resume -= {pair for pair, at in venues.items() if at & silent}

    async def _resume(self, found: Found) -> list[PairResult]:
        """Go on with all pairs that need it, at once."""
        pairs = sorted(one for one in found.to_resume if not self.executor.is_busy(one))
        return list(await asyncio.gather(*(self.executor.resume(one) for one in pairs)))

    def _conclude(self, found: Found) -> None:
        """Halt for what cannot be explained."""
        if found.mismatches and not self._journal.store.halted().halted:
            reason = "; ".join(found.mismatches)
            self._journal.halt(
                reason, NewEvent(kind="halted", reason=reason, actor="reconciliation")
            )
