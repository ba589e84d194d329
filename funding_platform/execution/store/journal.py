"""The journal of pairs: each step of an opening or a close is written before it is taken.

What is written together is one ``Changes``, and one transaction. An order is in the journal, with
its name and state ``unknown``, before it is sent; whoever starts after a crash finds it there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, delete, select, update

from funding_platform.core.parts import in_parts
from funding_platform.core.trading import (
    ZERO,
    Fill,
    OrderState,
    Side,
)
from funding_platform.execution.errors import UnknownPairError
from funding_platform.execution.pair.pairs import InstrumentRef, LegName, PairState
from funding_platform.execution.store.changes import Changes
from funding_platform.execution.store.control import read_halt, write_events, write_halt
from funding_platform.execution.store.records import (
    FillRecord,
    HaltRecord,
    LegRecord,
    NewEvent,
    OrderRecord,
    PairRecord,
    PaymentRecord,
)
from funding_platform.execution.store.rows import (
    add_rows,
    change_rows,
    is_row,
    put_rows,
    record_of,
)
from funding_platform.execution.store.schema import (
    CURSORS,
    FILLS,
    FUNDING_PAYMENTS,
    LEGS,
    ORDERS,
    PAIRS,
)
from funding_platform.execution.store.store import Store

R = TypeVar("R")

Holder = tuple[datetime, datetime | None, str, LegName]
"""From when to when, and the pair and its leg."""

CORRECTED: Final = timedelta(days=1)
"""A venue may say later that a payment was made so much earlier or later than it said first."""

_AT_ONCE: Final = 1_000
"""Databases take so many names in one question, and some not many more."""

LIVE: Final = tuple(state for state in PairState if not state.final)
"""States of a pair that may hold something."""

FINAL: Final = tuple(state for state in PairState if state.final)
"""States of a pair that is over."""


class Journal:
    """Reads and writes pairs, with all that belongs to them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # Writing

    def write_risk(self, step: str, changes: Changes) -> HaltRecord | None:
        """Write orders that open, and their pair where it is new, unless new risk is halted.

        Returns
        -------
        HaltRecord | None
            The halt that forbids it; None where it is written. The two are one transaction: once a
            halt is there, no later order that opens is.

        Raises
        ------
        StoreError
            If the pair exists, or another one has an instrument of it.
        """
        with self.store.step(step) as connection:
            if (halt := read_halt(connection, holding=True)).halted:
                return halt
            self._write(connection, changes)
        return None

    def write(self, step: str, *changes: Changes) -> None:
        """Write one step, whole, of however many pairs."""
        if any(changes):
            with self.store.step(step) as connection:
                for one in changes:
                    self._write(connection, one)

    def _write(self, connection: Connection, changes: Changes) -> None:
        if changes.new_pair:
            add_rows(connection, PAIRS, [changes.new_pair])
        if changes.pair:
            change_rows(connection, PAIRS, [changes.pair])
        add_rows(connection, LEGS, changes.new_legs)
        change_rows(connection, LEGS, changes.legs.values())
        add_rows(connection, ORDERS, changes.new_orders)
        change_rows(connection, ORDERS, changes.orders.values())
        for key in changes.dropped_fills:
            connection.execute(delete(FILLS).where(*is_row(FILLS, key)))
        put_rows(connection, FILLS, changes.fills.values())
        write_events(connection, self.store.now(), *changes.events)

    def write_marks(self, legs: Sequence[LegRecord]) -> None:
        """Write the last prices of legs, and nothing else of them."""
        if legs:
            with self.store.step("marks") as connection:
                for leg in legs:
                    connection.execute(
                        update(LEGS)
                        .where(LEGS.c.pair_id == leg.pair_id, LEGS.c.leg == leg.leg)
                        .values(mark_price=leg.mark_price)
                    )

    def add_payments(self, payments: Iterable[PaymentRecord]) -> int:
        """Write payments that are new; return how many were."""
        new = {(one.venue, one.venue_symbol, one.payment_id): one for one in payments}
        if not new:
            return 0
        since = min(one.paid_at for one in new.values()) - CORRECTED
        query = select(*FUNDING_PAYMENTS.primary_key).where(FUNDING_PAYMENTS.c.paid_at >= since)
        for row in self.store.rows(query):
            new.pop(tuple(row), None)
        if new:
            with self.store.step("payments") as connection:
                add_rows(connection, FUNDING_PAYMENTS, list(new.values()))
        return len(new)

    def add_stray_fill(self, venue: str, fill: Fill) -> None:
        """Write a fill that is of no order of ours."""
        record = FillRecord.told(venue, fill)
        with self.store.step("stray fill") as connection:
            put_rows(connection, FILLS, [record])

    def halt(self, reason: str, event: NewEvent, *more: NewEvent) -> None:
        """Stop new risk for what has been found, and say what that was."""
        with self.store.step("halted") as connection:
            now = self.store.now()
            wanted = HaltRecord(halted=True, reason=reason, actor=event.actor)
            write_halt(connection, now, wanted)
            write_events(connection, now, event, *more)

    # Reading

    def pairs(self, *states: PairState) -> list[PairRecord]:
        """Return pairs in those states, or all, in the order in which they were decided on."""
        query = select(PAIRS).order_by(PAIRS.c.decided_at, PAIRS.c.pair_id)
        if states:
            query = query.where(PAIRS.c.state.in_(states))
        return [record_of(PairRecord, PAIRS, row) for row in self.store.rows(query)]

    def pairs_named(self, pair_ids: Sequence[str]) -> list[PairRecord]:
        """Return the pairs of those names, in the order in which they were decided on."""
        order = (PAIRS.c.decided_at, PAIRS.c.pair_id)
        return self._of(PairRecord, PAIRS, pair_ids, *order)

    def pair(self, pair_id: str) -> PairRecord:
        """Return one pair.

        Raises
        ------
        UnknownPairError
            If there is none of that name.
        """
        rows = self.store.rows(select(PAIRS).where(PAIRS.c.pair_id == pair_id))
        if not rows:
            raise UnknownPairError(
                f"no pair is called {pair_id!r}", hint="`funding trade positions` lists those held"
            )
        return record_of(PairRecord, PAIRS, rows[0])

    def legs(self, *pair_ids: str) -> list[LegRecord]:
        """Return the legs of pairs."""
        return self._of(LegRecord, LEGS, pair_ids, LEGS.c.pair_id, LEGS.c.leg)

    def inverse_legs(self, *pair_ids: str) -> list[LegRecord]:
        """Return the legs of pairs whose quantities are US dollars."""
        return [leg for leg in self.legs(*pair_ids) if leg.inverse]

    def active_legs(self) -> list[LegRecord]:
        """Return the legs that may hold something."""
        query = select(LEGS).where(LEGS.c.active).order_by(LEGS.c.pair_id, LEGS.c.leg)
        return [record_of(LegRecord, LEGS, row) for row in self.store.rows(query)]

    def orders(self, *pair_ids: str) -> list[OrderRecord]:
        """Return the orders of pairs, oldest first."""
        return self._of(OrderRecord, ORDERS, pair_ids, ORDERS.c.created_at, ORDERS.c.client_id)

    def fills(self, *pair_ids: str) -> list[FillRecord]:
        """Return the fills of pairs, oldest first."""
        return self._of(FillRecord, FILLS, pair_ids, FILLS.c.filled_at, FILLS.c.fill_id)

    def payments(self, *pair_ids: str) -> list[PaymentRecord]:
        """Return the funding of pairs, oldest first."""
        table = FUNDING_PAYMENTS
        return self._of(PaymentRecord, table, pair_ids, table.c.paid_at, table.c.payment_id)

    def _of(self, record: type[R], table: Table, pair_ids: Sequence[str], *order: Any) -> list[R]:
        query = select(table).order_by(*order)
        asked = [query.where(table.c.pair_id.in_(some)) for some in in_parts(pair_ids, _AT_ONCE)]
        rows = (row for one in asked for row in self.store.rows(one))
        found = [record_of(record, table, row) for row in rows]
        return sorted(found, key=attrgetter(*(column.name for column in order)))

    def unfinished_orders(self) -> list[OrderRecord]:
        """Return the orders of which more may come."""
        unfinished = [state for state in OrderState if not state.final]
        query = select(ORDERS).where(ORDERS.c.state.in_(unfinished)).order_by(ORDERS.c.client_id)
        return [record_of(OrderRecord, ORDERS, row) for row in self.store.rows(query)]

    def fill_ids(self, venue: str, since: datetime) -> set[tuple[str, str]]:
        """Return symbol and id of the true fills of a venue since an instant."""
        query = select(FILLS.c.venue_symbol, FILLS.c.fill_id).where(
            FILLS.c.venue == venue, FILLS.c.filled_at >= since, FILLS.c.synthetic.is_(False)
        )
        return {(row.venue_symbol, row.fill_id) for row in self.store.rows(query)}

    def positions(self, *pair_ids: str) -> dict[tuple[str, LegName], Decimal]:
        """Return what the legs of pairs hold by their fills, signed."""
        held: dict[tuple[str, LegName], Decimal] = {}
        for fill in self.fills(*pair_ids):
            if fill.pair_id is not None and fill.leg is not None:
                key = (fill.pair_id, fill.leg)
                held[key] = held.get(key, ZERO) + fill.signed
        return held

    def holders(self, venue: str, since: datetime) -> dict[str, list[Holder]]:
        """Return by symbol who held an instrument of a venue, and when, since an instant."""
        then = PAIRS.c.closed_at.is_(None) | (PAIRS.c.closed_at >= since)
        query = select(PAIRS.c.pair_id, PAIRS.c.decided_at, PAIRS.c.closed_at).where(then)
        pairs = {row.pair_id: row for row in self.store.rows(query)}
        legs = select(LEGS.c.pair_id, LEGS.c.leg, LEGS.c.venue_symbol).where(LEGS.c.venue == venue)
        held: dict[str, list[Holder]] = {}
        for some in in_parts([*pairs], _AT_ONCE):
            for leg in self.store.rows(legs.where(LEGS.c.pair_id.in_(some))):
                of = pairs[leg.pair_id]
                holder = (of.decided_at, of.closed_at, leg.pair_id, LegName(leg.leg))
                held.setdefault(leg.venue_symbol, []).append(holder)
        return held

    def last_pair(self, instrument: InstrumentRef) -> LegRecord | None:
        """Return the leg of the last pair that had an instrument; None where none did.

        The pair that has it now, or of those that are over the one that was decided on last.
        """
        query = (
            select(LEGS)
            .join(PAIRS, PAIRS.c.pair_id == LEGS.c.pair_id)
            .where(LEGS.c.venue == instrument.venue)
            .where(LEGS.c.venue_symbol == instrument.venue_symbol)
            .order_by(LEGS.c.active.desc(), PAIRS.c.decided_at.desc(), PAIRS.c.pair_id.desc())
            .limit(1)
        )
        rows = self.store.rows(query)
        return record_of(LegRecord, LEGS, rows[0]) if rows else None

    def left_with(self, instrument: InstrumentRef, but: str) -> list[str]:
        """Return the pairs that hold something of an instrument by their fills, but for one."""
        query = (
            select(FILLS.c.pair_id, FILLS.c.side, FILLS.c.quantity)
            .where(FILLS.c.venue == instrument.venue)
            .where(FILLS.c.venue_symbol == instrument.venue_symbol)
            .where(FILLS.c.pair_id != but)
        )
        held: dict[str, Decimal] = {}
        for row in self.store.rows(query):
            held[row.pair_id] = held.get(row.pair_id, ZERO) + Side(row.side).sign * row.quantity
        return sorted(pair_id for pair_id, quantity in held.items() if quantity)

    def order(self, client_id: str) -> OrderRecord | None:
        """Return the order of a name; None where there is none."""
        rows = self.store.rows(select(ORDERS).where(ORDERS.c.client_id == client_id))
        return record_of(OrderRecord, ORDERS, rows[0]) if rows else None

    # How far venues have been read

    def cursors(self) -> dict[str, datetime]:
        """Return up to when fills and payments have been read, by venue."""
        return {row.venue: row.reached for row in self.store.rows(select(CURSORS))}

    def move_cursors(self, reached: Mapping[str, datetime]) -> None:
        """Remember up to when they have been read."""
        with self.store.step("cursors") as connection:
            put_rows(connection, CURSORS, [_Cursor(venue, at) for venue, at in reached.items()])


@dataclass(frozen=True, slots=True)
class _Cursor:
    venue: str
    reached: datetime
