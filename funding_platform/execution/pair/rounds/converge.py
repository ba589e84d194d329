"""Rounds of orders until a pair is what its state wants: both legs alike, or neither.

Each round reads the truth, asks ``steps`` what follows, writes the orders of that step, and sends
them. It is the same loop after an opening, for a close, and after a crash.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import ZERO, InstrumentLimits
from funding_platform.execution.pair.alone import pause_seconds
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.pairs import LEGS, LegName, OrderRole, PairState
from funding_platform.execution.pair.rounds.desk import OrderDesk
from funding_platform.execution.pair.rounds.making import OrderMaker
from funding_platform.execution.pair.rounds.steps import (
    Complete,
    Finish,
    LegView,
    Reduce,
    next_step,
)
from funding_platform.execution.pair.rounds.values import Values
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.pair.truth.reading import Truth
from funding_platform.execution.store.journal import Journal
from funding_platform.venues.errors import VenueError
from funding_platform.venues.orders.contract import ExchangeClient

_FINE: Final = Decimal("1E-9")
"""The step of what no venue states one of."""


class Converger:
    """Trades a pair until nothing is left to do for it."""

    def __init__(
        self,
        clients: Mapping[str, ExchangeClient],
        journal: Journal,
        rules: ExecutionRules,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._journal = journal
        self._rules = rules
        self._clock = clock
        self.desk = OrderDesk(clients, rules, clock)
        self.truth = Truth(clients, journal, rules, clock)
        self.maker = OrderMaker(clients, rules, clock)
        self.values = Values(journal, rules)

    async def converge(self, book: PairBook, since: datetime, completions: int) -> bool:
        """Go on until the pair is settled, or a venue is silent, or the tries are used up.

        What was done is in the journal when it returns, whatever the end.

        Parameters
        ----------
        since
            Fills before it have been read.
        completions
            How often the leg that lags may be traded up to the other.

        Returns
        -------
        bool
            Whether nothing is left to do.
        """
        tries = 0
        while await self.truth.bring_up(book, since) and not book.unfinished():
            self.values.after(book)
            views = await self._views(book)
            if views is None:
                break
            step = next_step(
                book.state,
                views,
                book.pair.lot,
                book.pair.quantity,
                may_complete=completions > 0,
            )
            if isinstance(step, Finish):
                self._finish(book, step.state)
                return True
            if isinstance(step, Complete):
                completions -= 1
                if not await self._complete(book, views, step):
                    completions = 0
            elif tries >= self._rules.close_tries:
                book.blame(f"{tries} rounds of orders did not give back what is held")
                break
            else:
                if tries:
                    await self._clock.sleep(pause_seconds(self._rules, tries))
                await self._reduce(book, views, step, tries)
                tries += 1
        book.set_naked(self._clock.now())
        self._journal.write("left", book.take_changes())
        return False

    def _finish(self, book: PairBook, state: PairState) -> None:
        """Write that nothing is left to do."""
        now = self._clock.now()
        book.set_naked(now)
        if book.pair.naked_seconds > Decimal(str(self._rules.naked_seconds)):
            book.note("naked_too_long", f"one leg was alone for {book.pair.naked_seconds:.1f} s")
        own = [leg for leg in LEGS if leg not in book.handed_on]
        dust = {leg.value: f"{book.held(leg):f}" for leg in own if book.held(leg)}
        if state is not PairState.OPEN and dust:
            book.note("dust", "what is left is less than the venue takes", **dust)
        book.enter(state, now, "; ".join(book.reasons) or None)
        self._journal.write(str(state), book.take_changes())

    async def _views(self, book: PairBook) -> dict[LegName, LegView] | None:
        """Return what is known of both legs; None where a venue does not say what it takes."""
        try:
            limits = await asyncio.gather(*(self._limits(book, leg) for leg in LEGS))
        except VenueError as error:
            book.blame(error.message)
            return None
        return {
            leg: LegView(
                held=ZERO if leg in book.handed_on else book.held(leg),
                limits=known,
                price=book.legs[leg].mark_price,
                per_base=book.legs[leg].per_base,
            )
            for leg, known in zip(LEGS, limits, strict=True)
        }

    async def _limits(self, book: PairBook, leg: LegName) -> InstrumentLimits:
        at = book.legs[leg]
        found = await self._clients[at.venue].limits([at.venue_symbol])
        if at.venue_symbol in found:
            return found[at.venue_symbol]
        # No longer listed: what is held was a whole number of lots, and any rest may be closed.
        step = _FINE if any(one.inverse for one in book.legs.values()) else book.pair.lot
        return InstrumentLimits(
            venue_symbol=at.venue_symbol,
            quantity_step=step,
            price_step=_FINE,
            min_quantity=step,
            contract_type=at.contract_type,
        )

    async def _complete(
        self, book: PairBook, views: Mapping[LegName, LegView], step: Complete
    ) -> bool:
        """Trade the leg that lags; False where that is forbidden."""
        leg = step.leg
        order = self.maker.taking(
            book,
            leg,
            OrderRole.COMPLETE,
            leg.side.sign * step.quantity,
            await self.maker.mid(book, leg),
            views[leg].limits,
            self._rules.price_bound_bps,
        )
        book.blame(f"{book.legs[leg].instrument} lagged by {step.quantity:f}")
        if refusal := self.values.before(book, [order]):
            book.blame(str(refusal))
            return False
        book.add_order(order)
        changes = book.take_changes()
        if halt := self._journal.write_risk("complete", changes):
            book.take_back(changes)
            book.blame(f"halted: {halt.reason}")
            return False
        await self.desk.carry_out(book, order, self._rules.order_seconds)
        return True

    async def _reduce(
        self, book: PairBook, views: Mapping[LegName, LegView], step: Reduce, tries: int
    ) -> None:
        """Give back, on all legs at once; one order a leg, and none before the last is known."""
        unwinds = book.state in {PairState.OPENING, PairState.UNWINDING}
        role = OrderRole.UNWIND if unwinds else OrderRole.CLOSE
        book.enter(step.state, self._clock.now(), "; ".join(book.reasons) or "a leg was lost")
        bound = min(self._rules.close_bound_bps * 2**tries, self._rules.close_bound_max_bps)
        limits = {leg: view.limits for leg, view in views.items()}
        quantities = await self.maker.slices(book, limits, step.quantities, bound)
        orders = []
        for leg, quantity in quantities.items():
            mid = await self.maker.mid(book, leg)
            book.reference.setdefault(leg, mid)
            back = quantity.copy_sign(-book.signed(leg))
            orders.append(self.maker.taking(book, leg, role, back, mid, limits[leg], bound))
            book.add_order(orders[-1])
        self._journal.write(str(role), book.take_changes())
        await asyncio.gather(
            *(self.desk.carry_out(book, one, self._rules.order_seconds) for one in orders)
        )
