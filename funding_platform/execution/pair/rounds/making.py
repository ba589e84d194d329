"""Makes orders: how much at once, how far from the mid, and under which name."""

from collections.abc import Mapping
from decimal import Decimal

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import (
    ZERO,
    InstrumentLimits,
    OrderBook,
    OrderKind,
    Side,
    TimeInForce,
)
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.liquidity import bound_price
from funding_platform.execution.pair.pairs import LegName, OrderRole
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.store.records import OrderRecord
from funding_platform.venues.errors import VenueError
from funding_platform.venues.orders.contract import ExchangeClient


class OrderMaker:
    """Makes the orders of a step."""

    def __init__(
        self, clients: Mapping[str, ExchangeClient], rules: ExecutionRules, clock: Clock
    ) -> None:
        self._clients = clients
        self._rules = rules
        self._clock = clock

    def taking(
        self,
        book: PairBook,
        leg: LegName,
        role: OrderRole,
        signed: Decimal,
        mid: Decimal,
        limits: InstrumentLimits,
        bound_bps: Decimal,
    ) -> OrderRecord:
        """Return an order that takes within a bound, and leaves nothing behind.

        Parameters
        ----------
        signed
            What it is to do to the position.
        """
        side = Side.BUY if signed > 0 else Side.SELL
        price = bound_price(side, mid, bound_bps, limits)
        return self._order(
            book, leg, role, side, abs(signed), price, TimeInForce.IMMEDIATE_OR_CANCEL
        )

    def resting(
        self, book: PairBook, leg: LegName, quantity: Decimal, price: Decimal
    ) -> OrderRecord:
        """Return an order that opens and waits at a price, and never takes."""
        return self._order(
            book, leg, OrderRole.OPEN, leg.side, quantity, price, TimeInForce.POST_ONLY
        )

    def _order(
        self,
        book: PairBook,
        leg: LegName,
        role: OrderRole,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        time_in_force: TimeInForce,
    ) -> OrderRecord:
        at, now = book.legs[leg], self._clock.now()
        return OrderRecord(
            client_id=book.next_id(leg),
            pair_id=book.pair.pair_id,
            leg=leg,
            role=role,
            venue=at.venue,
            venue_symbol=at.venue_symbol,
            side=side,
            quantity=quantity,
            kind=OrderKind.LIMIT,
            limit_price=price,
            time_in_force=time_in_force,
            reduce_only=not role.opens,
            created_at=now,
            updated_at=now,
        )

    async def slices(
        self,
        book: PairBook,
        limits: Mapping[LegName, InstrumentLimits],
        quantities: Mapping[LegName, Decimal],
        bound_bps: Decimal,
    ) -> dict[LegName, Decimal]:
        """Cut what is to be given back to what venues and books bear, alike on both legs."""
        share = Decimal(1)
        for leg, quantity in quantities.items():
            most = limits[leg].max_quantity or quantity
            if self._rules.slice_share < 1:
                most = min(most, await self._bears(book, leg, limits[leg], bound_bps))
            if closes(limits[leg], most):
                share = min(share, most / quantity)
        cut = {leg: limits[leg].round_quantity(one * share) for leg, one in quantities.items()}
        whole = {leg: limits[leg].round_quantity(one) for leg, one in quantities.items()}
        return cut if all(closes(limits[leg], one) for leg, one in cut.items()) else whole

    async def _bears(
        self, book: PairBook, leg: LegName, limits: InstrumentLimits, bound_bps: Decimal
    ) -> Decimal:
        """Return what one order may take of the book as it is."""
        found = await self.order_book(book, leg)
        if found is None or found.mid is None:
            return ZERO
        side = Side.SELL if book.signed(leg) > 0 else Side.BUY
        worst = bound_price(side, found.mid, bound_bps, limits)
        standing = [
            one.quantity for one in found.against(side) if side.sign * (worst - one.price) >= 0
        ]
        return sum(standing, ZERO) * self._rules.slice_share

    async def order_book(self, book: PairBook, leg: LegName) -> OrderBook | None:
        """Return the book of a leg; None where the venue has none now: closes go on without."""
        at = book.legs[leg]
        try:
            return await self._clients[at.venue].order_book(at.venue_symbol, self._rules.book_depth)
        except VenueError:
            return None

    async def mid(self, book: PairBook, leg: LegName) -> Decimal:
        """Return the mid, or the last mark where there is none."""
        found = await self.order_book(book, leg)
        return (found.mid if found is not None else None) or book.legs[leg].mark_price


def closes(limits: InstrumentLimits, quantity: Decimal) -> bool:
    """Tell whether a quantity is one that a slice may have."""
    return quantity >= max(limits.min_quantity, limits.quantity_step)
