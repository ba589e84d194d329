"""One pair in memory, as the journal has it, and what is to be written next.

Whatever is learned of a pair goes through here, and what it holds follows from it:

    held = leg's sign * sum of its fills

A fill is known by the venue's id. Where an order's total says more than its fills, a synthetic one
stands for the rest until the true one comes; its id follows from the order, so that it is never
there twice, however often it is worked out. So it is where a position differs from its fills.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from funding_platform.core.trading import (
    ZERO,
    Fill,
    Holding,
    OrderReport,
    OrderState,
    Side,
    payoffs,
)
from funding_platform.execution.errors import TransitionError
from funding_platform.execution.pair.liquidity import BPS
from funding_platform.execution.pair.pairs import (
    LEGS,
    TRANSITIONS,
    InstrumentRef,
    LegName,
    PairState,
)
from funding_platform.execution.pair.written import WrittenPair, key_of
from funding_platform.execution.store.changes import Key
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import (
    FillRecord,
    NewEvent,
    OrderRecord,
)

PREFIX: Final = "fp"
"""What our order ids begin with: an open order without it is a stranger's."""

SYNTHETIC: Final = "syn-"
"""What the ids of synthetic fills begin with."""


def is_ours(client_id: str) -> bool:
    """Tell whether an order id is one that we would give."""
    return len(client_id) == 22 and client_id.startswith(PREFIX) and client_id.isalnum()


def pair_of(client_id: str) -> str:
    """Return the pair that an order of ours belongs to."""
    return client_id[len(PREFIX) : -4]


def load(journal: Journal, pair_id: str) -> "PairBook":
    """Read a pair from the journal.

    Raises
    ------
    UnknownPairError
        If there is none of that name.
    """
    return PairBook(
        journal.pair(pair_id),
        journal.legs(pair_id),
        journal.orders(pair_id),
        journal.fills(pair_id),
        journal.payments(pair_id),
    )


class PairBook(WrittenPair):
    """A pair with all that belongs to it, and what is learned of it."""

    def naked_seconds(self, until: datetime) -> Decimal:
        """Count the seconds in which one leg had more than the other, by a lot or more."""
        seconds = net = ZERO
        since = until
        for fill in sorted(self.fills.values(), key=lambda one: one.filled_at):
            if abs(net) >= self.pair.lot:
                seconds += _seconds(since, fill.filled_at)
            net += self._planned_base(fill)
            since = fill.filled_at
        return seconds + (_seconds(since, until) if abs(net) >= self.pair.lot else ZERO)

    # What happens to it

    def enter(self, state: PairState, now: datetime, reason: str | None = None) -> None:
        """Go to a state.

        Raises
        ------
        TransitionError
            If the present one does not lead there.
        """
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            raise TransitionError(f"pair {self.pair.pair_id}: {self.state} leads to no {state}")
        changed: dict[str, Any] = {"state": state, "updated_at": now}
        if state is PairState.OPEN:
            changed["opened_at"] = now
        if state.final:
            changed["closed_at"] = now
            for leg in LEGS:
                self._change_leg(leg, active=False)
        if reason is not None and self.pair.close_reason is None and state is not PairState.OPEN:
            changed["close_reason"] = reason
        self._change_pair(**changed)
        self.note(state, reason or self.pair.close_reason or "")

    def note(self, kind: str, reason: str, actor: str = "executor", **details: Any) -> None:
        """Write down what happened."""
        self._changes.events.append(
            NewEvent(
                kind=kind, reason=reason, actor=actor, pair_id=self.pair.pair_id, details=details
            )
        )

    def blame(self, reason: str) -> None:
        """Say why it does not end as wanted, once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def next_id(self, leg: LegName) -> str:
        """Return the name of the leg's next order: pair, leg and number, letters and digits."""
        number = sum(one.leg is leg for one in self.orders.values())
        return f"{PREFIX}{self.pair.pair_id}{leg[0]}{number:03d}"

    def add_order(self, order: OrderRecord) -> None:
        """Take an order that is about to be sent."""
        self.orders[order.client_id] = order
        self._changes.new_orders.append(order)

    def observe(self, report: OrderReport, now: datetime) -> None:
        """Take what a venue says of an order: totals never fall, and what is final stays so."""
        known = self.orders[report.client_id]
        state = known.state if known.state.final else report.state
        if report.state is OrderState.FILLED:
            state = OrderState.FILLED
        more = report.filled > known.filled
        changed = replace(
            known,
            state=state,
            filled=report.filled if more else known.filled,
            average_price=report.average_price if more else known.average_price,
            venue_order_id=report.venue_order_id or known.venue_order_id,
            reason=report.reason or known.reason,
            message=report.message or known.message,
            updated_at=now,
        )
        if replace(changed, updated_at=known.updated_at) != known:
            self._put_order(changed)
            self._stand_in(changed)

    def add_fill(self, venue: str, fill: Fill, leg: LegName | None = None) -> bool:
        """Take a fill if it is this pair's; tell whether it was new.

        Parameters
        ----------
        leg
            Of this pair, where it is known to be that one's; found out without it.
        """
        leg = leg or self._leg_of(venue, fill)
        if leg is None:
            return False
        record = FillRecord.told(venue, fill, pair_id=self.pair.pair_id, leg=leg)
        if key_of(record) in self.fills:
            return False
        self._put_fill(record)
        self._replace_adjustment(leg, record)
        if fill.client_id is not None:
            self._stand_in(self.orders[fill.client_id])
        return True

    def adjust(self, leg: LegName, position: Decimal, price: Decimal, now: datetime) -> None:
        """Make a leg hold what the venue says, by a synthetic fill of its own."""
        key = self._adjustment(leg)
        self._drop_fill(key)
        if missing := position - self.signed(leg):
            self._put_fill(self._synthetic(key, leg, None, missing, price, now, liquidation=True))

    def give(self, leg: LegName, name: str, signed: Decimal, price: Decimal, at: datetime) -> None:
        """Let another pair have what this one is left with, at a price and without a fee."""
        self._put_fill(self._transfer(leg, name, -signed, price, at))

    def take(self, leg: LegName, name: str, signed: Decimal, price: Decimal, at: datetime) -> None:
        """Have what another pair was left with, in place of what stood for it so far."""
        record = self._transfer(leg, name, signed, price, at)
        self._put_fill(record)
        self._replace_adjustment(leg, record)

    def _transfer(
        self, leg: LegName, name: str, signed: Decimal, price: Decimal, at: datetime
    ) -> FillRecord:
        key = (self.legs[leg].venue, self.legs[leg].venue_symbol, name)
        return replace(self._synthetic(key, leg, None, signed, price, at), fee_usd=ZERO)

    def mark(self, leg: LegName, holding: Holding | None) -> None:
        """Take the price that the venue values a leg at."""
        if holding is not None and holding.mark_price != self.legs[leg].mark_price:
            self._change_leg(leg, mark_price=holding.mark_price)

    def set_naked(self, until: datetime) -> None:
        """Put down how long it was naked so far."""
        self._change_pair(naked_seconds=self.naked_seconds(until))

    # Behind it

    def _planned_base(self, fill: FillRecord) -> Decimal:
        """Return what a fill did to its leg, in base as it was planned."""
        return ZERO if fill.leg is None else fill.signed / self.legs[fill.leg].per_base

    def _leg_of(self, venue: str, fill: Fill) -> LegName | None:
        """Return the leg that a fill belongs to; None where it is not this pair's."""
        if fill.client_id is not None:
            order = self.orders.get(fill.client_id)
            return order.leg if order is not None and order.venue == venue else None
        began, ended = self.pair.decided_at, self.pair.closed_at
        if fill.filled_at < began or (ended is not None and fill.filled_at > ended):
            return None
        here = InstrumentRef(venue, fill.venue_symbol)
        return next((leg for leg, at in self.legs.items() if at.instrument == here), None)

    def _adjustment(self, leg: LegName) -> Key:
        """Return the name of the synthetic fill that makes a leg hold what the venue says."""
        at = self.legs[leg]
        return at.venue, at.venue_symbol, f"{SYNTHETIC}{self.pair.pair_id}{leg[0]}"

    def _replace_adjustment(self, leg: LegName, true: FillRecord) -> None:
        """Let a true fill take the place of what stood for it, as much as it explains."""
        key = self._adjustment(leg)
        stood = self.fills.get(key)
        if stood is None or stood.side is not true.side or true.filled_at > stood.filled_at:
            return
        self._drop_fill(key)
        if left := max(stood.quantity - true.quantity, ZERO):
            self._put_fill(replace(stood, quantity=left))

    def _stand_in(self, order: OrderRecord) -> None:
        """Let a synthetic fill stand for what an order's total has and its fills have not."""
        key = (order.venue, order.venue_symbol, f"{SYNTHETIC}{order.client_id}")
        filled, settled = self.traded(order.client_id)
        missing = order.filled - filled
        if missing <= 0 or order.average_price is None:
            self._drop_fill(key)
            return
        inverse, price = self.legs[order.leg].inverse, order.average_price
        rest = payoffs.settled(inverse, order.filled, price) - settled
        if rest > 0:  # else the venue has rounded its average by more than the rest is
            price = payoffs.average_price(inverse, missing, rest)
        signed = order.side.sign * missing
        self._put_fill(
            self._synthetic(key, order.leg, order.client_id, signed, price, order.updated_at)
        )

    def _synthetic(
        self,
        key: Key,
        leg: LegName,
        client_id: str | None,
        signed: Decimal,
        price: Decimal,
        at: datetime,
        *,
        liquidation: bool = False,
    ) -> FillRecord:
        venue, symbol, fill_id = key
        quantity, at_leg = abs(signed), self.legs[leg]
        worth = payoffs.notional_usd(at_leg.inverse, quantity, price)
        return FillRecord(
            venue=venue,
            fill_id=fill_id,
            pair_id=self.pair.pair_id,
            leg=leg,
            client_id=client_id,
            venue_symbol=symbol,
            side=Side.BUY if signed > 0 else Side.SELL,
            quantity=quantity,
            price=price,
            fee_usd=worth * at_leg.taker_bps / BPS,
            maker=False,
            liquidation=liquidation,
            synthetic=True,
            filled_at=at,
        )


def _seconds(since: datetime, until: datetime) -> Decimal:
    """Count them; none where clocks of two venues disagree on the order."""
    return max(ZERO, Decimal(str((until - since).total_seconds())))
