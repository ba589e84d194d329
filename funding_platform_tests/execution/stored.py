"""All that a journal holds, of whatever pair it is, or of none; the oldest first."""

from typing import Any, TypeVar

from sqlalchemy import Table, select

from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import FillRecord, OrderRecord, PaymentRecord
from funding_platform.execution.store.rows import record_of
from funding_platform.execution.store.schema import FILLS, FUNDING_PAYMENTS, ORDERS

R = TypeVar("R")


def all_orders(journal: Journal) -> list[OrderRecord]:
    return _all(journal, OrderRecord, ORDERS, ORDERS.c.created_at, ORDERS.c.client_id)


def all_fills(journal: Journal) -> list[FillRecord]:
    return _all(journal, FillRecord, FILLS, FILLS.c.filled_at, FILLS.c.fill_id)


def all_payments(journal: Journal) -> list[PaymentRecord]:
    table = FUNDING_PAYMENTS
    return _all(journal, PaymentRecord, table, table.c.paid_at, table.c.payment_id)


def _all(journal: Journal, record: type[R], table: Table, *order: Any) -> list[R]:
    rows = journal.store.rows(select(table).order_by(*order))
    return [record_of(record, table, row) for row in rows]
