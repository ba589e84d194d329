"""The desk sends an order, once, and stays with it until it is known what became of it.

    sent --- answered: open -> canceled or filled -----------------------------> final
      |----- declined ---------------------------------------------------------> final
      |----- lost: unknown -> asked by our id until the venue knows it --------> as answered
                          |-> never known within the grace, no fill of it -----> final, absent
                          |-> the venue is silent for too long ----------------> unknown, left

No order is ever sent a second time.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import OrderReport, OrderState, payoffs
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.store.records import OrderRecord
from funding_platform.venues.errors import VenueError
from funding_platform.venues.orders.contract import ExchangeClient
from funding_platform.venues.orders.errors import OrderNotFoundError, OrderRejectedError


class OrderDesk:
    """Sends orders and follows them.

    Parameters
    ----------
    clients
        By the name of the venue.
    """

    def __init__(
        self, clients: Mapping[str, ExchangeClient], rules: ExecutionRules, clock: Clock
    ) -> None:
        self._clients = clients
        self._rules = rules
        self._clock = clock

    async def carry_out(
        self,
        book: PairBook,
        order: OrderRecord,
        patience: float,
        hurry: asyncio.Event | None = None,
    ) -> None:
        """Send an order that the journal has, and follow it.

        Parameters
        ----------
        patience
            Seconds that it may stay open before it is taken back.
        hurry
            Set when this one has filled or is over; once it is set, this one waits no longer.
        """
        book.sent_at.setdefault(order.leg, self._clock.now())
        report = await self._send(order)
        if report is not None:
            book.observe(report, self._clock.now())
        await self.follow(book, order.client_id, patience, hurry)

    async def _send(self, order: OrderRecord) -> OrderReport | None:
        """Send it; None where nobody said what became of it."""
        try:
            return await self._clients[order.venue].place(order.request())
        except OrderRejectedError as error:
            return _ended(order, OrderState.REJECTED, error.message, error)
        except VenueError:
            return None  # whatever it was, the order may exist

    async def follow(
        self,
        book: PairBook,
        client_id: str,
        patience: float,
        hurry: asyncio.Event | None = None,
    ) -> None:
        """Ask until an order is final, or its venue has been silent for too long.

        What is open for longer than ``patience`` is taken back. What the venue does not know for
        longer than the grace is absent, if neither a cancellation nor its fills know it either.
        """
        heard = self._clock.timer()
        while not (order := book.orders[client_id]).state.final:
            if hurry is not None and order.filled:
                hurry.set()
            if hurry is not None and hurry.is_set():
                patience = 0.0
            waited = (self._clock.now() - order.created_at).total_seconds()
            pause = self._rules.poll_seconds
            try:
                if order.state is OrderState.OPEN and waited >= patience:
                    report = await self._cancel(order)
                else:
                    report = await self._client(order).order(order.venue_symbol, client_id)
                    if report is None and waited >= self._rules.grace_seconds:
                        report = await self._last_look(book, order)
            except VenueError as error:
                pause = max(pause, error.retry_after or 0.0)
                if self._clock.timer() - heard >= self._rules.silence_seconds:
                    book.blame(f"{order.venue} does not say what became of {client_id}")
                    return
            else:
                heard = self._clock.timer()
                if report is not None:
                    book.observe(report, self._clock.now())
            if not book.orders[client_id].state.final:
                await self._clock.sleep(pause)
        if hurry is not None:
            hurry.set()

    async def _cancel(self, order: OrderRecord) -> OrderReport | None:
        """Take it back, and return what then is known of it."""
        return await self._client(order).cancel(order.venue_symbol, order.client_id)

    async def _last_look(self, book: PairBook, order: OrderRecord) -> OrderReport | None:
        """Return what is known of an order that its venue does not know: mostly, that it is absent.

        A cancellation finds it where it was on its way, and its fills tell of it where the venue
        only knows open orders by our id.
        """
        with suppress(OrderNotFoundError):
            return await self._cancel(order)
        since = order.created_at - timedelta(seconds=self._rules.max_clock_skew_seconds)
        for fill in await self._client(order).fills(since):
            book.add_fill(order.venue, fill)
        filled, settled = book.traded(order.client_id)
        inverse = book.legs[order.leg].inverse
        average = payoffs.average_price(inverse, filled, settled) if filled else None
        known = replace(order, filled=filled, average_price=average)
        return _ended(known, OrderState.CANCELED, "its venue never knew it")

    def _client(self, order: OrderRecord) -> ExchangeClient:
        return self._clients[order.venue]


def _ended(
    order: OrderRecord,
    state: OrderState,
    message: str,
    error: OrderRejectedError | None = None,
) -> OrderReport:
    """Return the report of an order that is over without the venue's own."""
    return OrderReport(
        client_id=order.client_id,
        venue_symbol=order.venue_symbol,
        state=state,
        side=order.side,
        quantity=order.quantity,
        filled=order.filled,
        average_price=order.average_price,
        reduce_only=order.reduce_only,
        reason=None if error is None else error.reason,
        message=message,
    )
