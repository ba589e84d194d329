"""What the store remembers, copied into the lake for SQL: what has changed since the last time.

The store is right and the lake follows. A day before the newest mirrored event is copied anew, for
a fill may be learned of late and a synthetic one goes when the true one comes. A store that is not
the one that was mirrored, because its first event is another, replaces everything.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl
from sqlalchemy import Select, and_, or_, select
from sqlalchemy import Table as StoreTable

from funding_platform.core.tables import execution as tables
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import FIRST_PERPETUAL, Window
from funding_platform.execution.ledger import ledgers
from funding_platform.execution.store import schema
from funding_platform.execution.store.journal import FINAL, LIVE, Journal
from funding_platform.execution.store.store import Store, open_store
from funding_platform.flows.execution.frames import (
    events_frame,
    fills_frame,
    orders_frame,
    payments_frame,
    performance_frame,
    positions_frame,
)
from funding_platform.flows.execution.sizes import sizes_of
from funding_platform.lake.writer import Lake, Scope
from funding_platform.settings import Settings

COPIED_ANEW: Final = timedelta(days=1)

_TIMES: Final = {
    tables.ORDERS.full_name: "created_at",
    tables.FILLS.full_name: "filled_at",
    tables.FUNDING_PAYMENTS.full_name: "paid_at",
    tables.EVENTS.full_name: "happened_at",
    tables.PERFORMANCE.full_name: "taken_at",
}
"""By which rows are copied anew."""


def mirror(settings: Settings, run_id: str) -> dict[str, int]:
    """Copy what has changed into the lake, in one commit.

    Returns
    -------
    dict
        Rows written by table.

    Raises
    ------
    StoreError
        If the store cannot be read.
    LakeError
        If the lake cannot be written.
    """
    with open_store(settings.execution_store, trades=False) as store, Lake(settings) as lake:
        since = _mirrored_until(store, lake)
        frames = {table.full_name: frame for table, frame in changed_since(store, since)}
        scope_end = store.now() + timedelta(days=1)
        written: dict[str, int] = {}
        message = "execution: what traders hold and have done"
        with lake.commit(run_id, message, tables=tables.EXECUTION_TABLES) as transaction:
            for table in tables.EXECUTION_TABLES:
                frame = table.conform(frames[table.full_name])
                if (time := _TIMES.get(table.full_name)) is not None:
                    scope = Scope(
                        time_column=time, window=Window(since or FIRST_PERPETUAL, scope_end)
                    )
                    transaction.replace(table, frame, scope, proven_empty=True)
                elif since is None:
                    transaction.replace(table, frame, Scope(), proven_empty=True)
                elif frame.height:
                    transaction.upsert(table, frame)
                written[table.full_name] = frame.height
    return written


def _mirrored_until(store: Store, lake: Lake) -> datetime | None:
    """Return from when on rows are copied; None where all of them are."""
    ours = lake.read(
        f"SELECT min(event_id) AS first, max(happened_at) AS newest, "
        f"arg_min(happened_at, event_id) AS began FROM {tables.EVENTS.full_name}"
    ).row(0, named=True)
    query = select(schema.EVENTS.c.event_id, schema.EVENTS.c.happened_at)
    first = store.rows(query.order_by(schema.EVENTS.c.event_id).limit(1))
    if ours["newest"] is None or not first or first[0].happened_at != ours["began"]:
        return None
    newest: datetime = ours["newest"]
    return newest - COPIED_ANEW


def changed_since(store: Store, since: datetime | None) -> Sequence[tuple[Table, pl.DataFrame]]:
    """Read what is to be copied: what is held, and what has changed since; all of it for None."""
    begin = since or FIRST_PERPETUAL
    journal = Journal(store)

    def rows(table: StoreTable, time: str) -> list[Mapping[str, Any]]:
        query: Select[Any] = select(table).where(table.c[time] >= begin)
        return [dict(row._mapping) for row in store.rows(query)]

    pairs = schema.PAIRS
    ended = and_(pairs.c.state.in_(FINAL), pairs.c.updated_at >= begin)
    wanted = select(pairs.c.pair_id).where(or_(pairs.c.state.in_(LIVE), ended))
    positions = journal.pairs_named([row.pair_id for row in store.rows(wanted)])
    orders, fills = rows(schema.ORDERS, "created_at"), rows(schema.FILLS, "filled_at")
    payments = rows(schema.FUNDING_PAYMENTS, "paid_at")
    sizes = sizes_of(journal, (*orders, *fills, *payments))
    return [
        (tables.POSITIONS, positions_frame(ledgers(journal, positions))),
        (tables.ORDERS, orders_frame(orders, sizes)),
        (tables.FILLS, fills_frame(fills, sizes)),
        (tables.FUNDING_PAYMENTS, payments_frame(payments, sizes)),
        (tables.EVENTS, events_frame(rows(schema.EVENTS, "happened_at"))),
        (tables.PERFORMANCE, performance_frame(rows(schema.SNAPSHOTS, "taken_at"))),
    ]
