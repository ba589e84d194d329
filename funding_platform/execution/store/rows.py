"""Records as rows of the store's tables, and rows as records."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Connection, Row, Table, insert, update

from funding_platform.core.trading import OrderKind, OrderState, RejectReason, Side, TimeInForce
from funding_platform.execution.pair.pairs import LegName, OrderRole, PairState
from funding_platform.execution.store.schema import FILLS, FUNDING_PAYMENTS, LEGS, ORDERS, PAIRS

R = TypeVar("R")

_WORDS: Final[Mapping[Column[Any], type[StrEnum]]] = {
    PAIRS.c.state: PairState,
    LEGS.c.leg: LegName,
    ORDERS.c.leg: LegName,
    ORDERS.c.role: OrderRole,
    ORDERS.c.side: Side,
    ORDERS.c.kind: OrderKind,
    ORDERS.c.time_in_force: TimeInForce,
    ORDERS.c.state: OrderState,
    ORDERS.c.reason: RejectReason,
    FILLS.c.leg: LegName,
    FILLS.c.side: Side,
    FUNDING_PAYMENTS.c.leg: LegName,
}
"""Columns that hold a word of an enumeration."""

_WORDS_OF: Final = {
    table.name: {column.name: kind for column, kind in _WORDS.items() if column.table is table}
    for table in (PAIRS, LEGS, ORDERS, FILLS, FUNDING_PAYMENTS)
}


def is_row(table: Table, key: Sequence[Any]) -> list[Any]:
    """Return the conditions that a row of this key meets."""
    return [column == value for column, value in zip(table.primary_key, key, strict=True)]


def values_of(record: Any) -> dict[str, Any]:
    """Return what a record says, by column."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def add_rows(connection: Connection, table: Table, records: Sequence[Any]) -> None:
    """Add records as rows."""
    if records:
        connection.execute(insert(table), [values_of(one) for one in records])


def change_rows(connection: Connection, table: Table, records: Iterable[Any]) -> int:
    """Bring rows up to their records; return how many there were."""
    changed = 0
    keys = [column.name for column in table.primary_key]
    for one in records:
        values = values_of(one)
        where = is_row(table, [values.pop(name) for name in keys])
        changed += connection.execute(update(table).where(*where).values(**values)).rowcount
    return changed


def put_rows(connection: Connection, table: Table, records: Iterable[Any]) -> None:
    """Add rows, and bring those of the same key up to what is known now."""
    for one in records:
        if not change_rows(connection, table, [one]):
            add_rows(connection, table, [one])


def record_of(record: type[R], table: Table, row: Row[Any]) -> R:
    """Return a row as a record, its words as what they stand for."""
    values = dict(row._mapping)
    for name, kind in _WORDS_OF[table.name].items():
        if values[name] is not None:
            values[name] = kind(values[name])
    return record(**values)
