"""A pair as it is written: what it holds, and what of it is to be written next."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from funding_platform.core.trading import ZERO, InstrumentLimits, payoffs
from funding_platform.execution.pair.exposure import traded, trading_usd
from funding_platform.execution.pair.pairs import LegName, PairState, Pnl
from funding_platform.execution.store.changes import Changes, Key
from funding_platform.execution.store.records import (
    FillRecord,
    LegRecord,
    OrderRecord,
    PairRecord,
    PaymentRecord,
)


class WrittenPair:
    """A pair with all that belongs to it.

    Parameters
    ----------
    pair, legs, orders, fills, payments
        As they were read, or as they will be once they are written.
    """

    def __init__(
        self,
        pair: PairRecord,
        legs: Iterable[LegRecord],
        orders: Iterable[OrderRecord] = (),
        fills: Iterable[FillRecord] = (),
        payments: Iterable[PaymentRecord] = (),
    ) -> None:
        self.pair = pair
        self.legs = {one.leg: one for one in legs}
        self.orders = {one.client_id: one for one in orders}
        self.fills = {key_of(one): one for one in fills}
        self.payments = list(payments)
        self.reasons: list[str] = []
        self.reference: dict[LegName, Decimal] = {}
        """Mids that the slippage of a close is measured from."""
        self.sent_at: dict[LegName, datetime] = {}
        """When the first order of each leg went out, of those that this process sent."""
        self.handed_on: set[LegName] = set()
        """Legs whose instrument another pair has by now: what is held there is no longer its."""
        self._changes = Changes()

    @classmethod
    def begin(cls, pair: PairRecord, legs: Iterable[LegRecord]) -> Self:
        """Return the book of a pair that nothing has been written of."""
        book = cls(pair, legs)
        book._changes.new_pair = pair
        book._changes.new_legs = list(book.legs.values())
        return book

    def take_changes(self) -> Changes:
        """Hand out what is to be written, once."""
        changes, self._changes = self._changes, Changes()
        return changes

    # What the pair is

    @property
    def state(self) -> PairState:
        """Where it stands."""
        return self.pair.state

    def signed(self, leg: LegName) -> Decimal:
        """Return the position of a leg, as its fills have it; negative when short."""
        return sum((one.signed for one in self.fills.values() if one.leg is leg), ZERO)

    def held(self, leg: LegName) -> Decimal:
        """Return the same in the leg's own direction."""
        return leg.side.sign * self.signed(leg)

    def planned(self, leg: LegName, limits: InstrumentLimits) -> Decimal:
        """Return the size that a leg is to have."""
        return limits.nearest_quantity(self.pair.quantity * self.legs[leg].per_base)

    def traded(self, client_id: str) -> tuple[Decimal, Decimal]:
        """Return the fills that a venue told of an order: their size, and what it settled in."""
        true = [
            one for one in self.fills.values() if one.client_id == client_id and not one.synthetic
        ]
        inverse = self.legs[self.orders[client_id].leg].inverse
        quantity = sum((one.quantity for one in true), ZERO)
        settled = (payoffs.settled(inverse, one.quantity, one.price) for one in true)
        return quantity, sum(settled, ZERO)

    def unfinished(self) -> list[OrderRecord]:
        """Return the orders of which more may come."""
        return [one for one in self.orders.values() if not one.state.final]

    def touched_at(self) -> datetime:
        """Return when something was last learned of it."""
        orders = (one.updated_at for one in self.orders.values())
        return max((self.pair.updated_at, *orders))

    def pnl(self) -> Pnl:
        """Return what it has brought, with what is held at its last price."""
        fills = self.fills.values()
        legs = (
            trading_usd(traded(at.inverse, (one for one in fills if one.leg is leg)), at.mark_price)
            for leg, at in self.legs.items()
        )
        return Pnl(
            trading_usd=sum(legs, ZERO),
            fees_usd=sum((one.fee_usd for one in fills), ZERO),
            funding_usd=sum((one.amount_usd for one in self.payments), ZERO),
        )

    def take_back(self, changes: Changes) -> None:
        """Forget the orders of a step that was not written; keep the rest for the next."""
        for order in changes.new_orders:
            del self.orders[order.client_id]
        changes.new_orders = []
        self._changes = changes

    def _put_fill(self, fill: FillRecord) -> None:
        key = key_of(fill)
        self.fills[key] = self._changes.fills[key] = fill
        self._changes.dropped_fills.discard(key)

    def _drop_fill(self, key: Key) -> None:
        if self.fills.pop(key, None) is not None:
            self._changes.fills.pop(key, None)
            self._changes.dropped_fills.add(key)

    def _put_order(self, order: OrderRecord) -> None:
        self.orders[order.client_id] = order
        new = [one.client_id for one in self._changes.new_orders]
        if order.client_id in new:
            self._changes.new_orders[new.index(order.client_id)] = order
        else:
            self._changes.orders[order.client_id] = order

    def _change_leg(self, leg: LegName, **changed: Any) -> None:
        self.legs[leg] = replace(self.legs[leg], **changed)
        if self._changes.new_pair is None:
            self._changes.legs[leg] = self.legs[leg]

    def _change_pair(self, **changed: Any) -> None:
        self.pair = replace(self.pair, **changed)
        if self._changes.new_pair is None:
            self._changes.pair = self.pair


def key_of(fill: FillRecord) -> Key:
    """Return what a fill is known by."""
    return fill.venue, fill.venue_symbol, fill.fill_id
