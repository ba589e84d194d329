"""The first orders of a pair: at once against the books, or waiting for a while before they take.

An order that waits earns the maker's fee, and leaves the other leg alone when it fills. So both
wait only as long as neither has filled: the first fill, or the end of the time, makes both take
what is left, within the price bound.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import InstrumentLimits, OrderBook
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.pairs import LEGS, LegName, OrderRole
from funding_platform.execution.pair.refusals import Refusal, RefusalKind
from funding_platform.execution.pair.rounds.converge import Converger
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import OrderRecord


class Opening:
    """Sends the first orders of pairs."""

    def __init__(
        self, converger: Converger, journal: Journal, rules: ExecutionRules, clock: Clock
    ) -> None:
        self._converger = converger
        self._journal = journal
        self._rules = rules
        self._clock = clock

    async def carry_out(
        self,
        book: PairBook,
        limits: Mapping[LegName, InstrumentLimits],
        books: Mapping[LegName, OrderBook],
    ) -> Refusal | None:
        """Write both orders, send them at once, and stay until both are over.

        Returns
        -------
        Refusal | None
            What forbids it; then nothing was written or sent.
        """
        if self._rules.limit_seconds > 0:
            return await self._wait_then_take(book, limits, books)
        return await self._send(book, self._taking(book, limits, books), "intend")

    def _taking(
        self,
        book: PairBook,
        limits: Mapping[LegName, InstrumentLimits],
        books: Mapping[LegName, OrderBook],
    ) -> list[OrderRecord]:
        """Return the orders that take what is not held yet."""
        orders = []
        for leg in LEGS:
            planned = book.planned(leg, limits[leg])
            rest = limits[leg].round_quantity(planned - book.held(leg))
            if rest > 0:
                mid = books[leg].mid or book.legs[leg].mark_price
                signed = leg.side.sign * rest
                bound = self._rules.price_bound_bps
                orders.append(
                    self._converger.maker.taking(
                        book, leg, OrderRole.OPEN, signed, mid, limits[leg], bound
                    )
                )
        return orders

    async def _send(self, book: PairBook, orders: list[OrderRecord], step: str) -> Refusal | None:
        """Write orders that take, and carry them out; what forbids it."""
        if refusal := self._write(book, orders, step):
            return refusal
        desk, patience = self._converger.desk, self._rules.order_seconds
        await asyncio.gather(*(desk.carry_out(book, one, patience) for one in orders))
        return None

    def _write(self, book: PairBook, orders: list[OrderRecord], step: str) -> Refusal | None:
        """Write orders, each worth what was planned; what forbids it."""
        if refusal := self._converger.values.before(book, orders):
            return refusal
        for order in orders:
            book.add_order(order)
        changes = book.take_changes()
        if halt := self._journal.write_risk(step, changes):
            book.take_back(changes)
            return Refusal(RefusalKind.HALTED, halt.reason)
        return None

    async def _wait_then_take(
        self,
        book: PairBook,
        limits: Mapping[LegName, InstrumentLimits],
        books: Mapping[LegName, OrderBook],
    ) -> Refusal | None:
        """Wait at the best prices, following them, until one fills or the time is up; then take."""
        until = self._clock.timer() + self._rules.limit_seconds
        now_books, step = dict(books), "intend"
        while (left := until - self._clock.timer()) > 0:
            orders = [
                self._converger.maker.resting(book, leg, book.planned(leg, limits[leg]), price)
                for leg in LEGS
                if (price := _own_best(leg, now_books[leg])) is not None
            ]
            if refusal := self._write(book, orders, step):
                return refusal if step == "intend" else None
            step = "reprice"
            await self._rest(book, orders, min(left, self._rules.reprice_seconds))
            if book.unfinished():
                return None
            if any(book.held(leg) for leg in LEGS):
                break
            await self._clock.sleep(self._rules.poll_seconds)
            now_books = await self._fresh(book, now_books)
        now_books = await self._fresh(book, now_books)
        await self._send(book, self._taking(book, limits, now_books), "take")
        return None

    async def _rest(self, book: PairBook, orders: list[OrderRecord], seconds: float) -> None:
        """Let both wait; as soon as one is over, take the other back."""
        desk = self._converger.desk
        hurry = asyncio.Event()
        await asyncio.gather(*(desk.carry_out(book, one, seconds, hurry=hurry) for one in orders))

    async def _fresh(
        self, book: PairBook, books: Mapping[LegName, OrderBook]
    ) -> dict[LegName, OrderBook]:
        """Return the books as they are now; the last known where a venue does not say."""
        found = await asyncio.gather(*(self._converger.maker.order_book(book, leg) for leg in LEGS))
        return {leg: one or books[leg] for leg, one in zip(LEGS, found, strict=True)}


def _own_best(leg: LegName, book: OrderBook) -> Decimal | None:
    """Return the best price of the side that the leg stands on."""
    level = book.bid if leg is LegName.LONG else book.ask
    return level.price if level is not None else None
