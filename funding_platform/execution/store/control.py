"""What a step may write beside its own subject: whether new risk is halted, and events."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select, update

from funding_platform.execution.store.records import HaltRecord, NewEvent
from funding_platform.execution.store.schema import CONTROL, EVENTS

NEW_RISK: Final = "new_risk"
"""Name of the row that says whether anything may be opened."""


def read_halt(connection: Connection, *, holding: bool = False) -> HaltRecord:
    """Return whether new risk is halted; ``holding`` keeps that so until the transaction ends."""
    query = select(CONTROL.c.halted, CONTROL.c.reason, CONTROL.c.actor, CONTROL.c.changed_at).where(
        CONTROL.c.name == NEW_RISK
    )
    row = connection.execute(query.with_for_update(read=True) if holding else query).one()
    return HaltRecord(**row._mapping)


def write_halt(connection: Connection, now: datetime, wanted: HaltRecord) -> None:
    """Set whether new risk is halted."""
    connection.execute(
        update(CONTROL)
        .where(CONTROL.c.name == NEW_RISK)
        .values(halted=wanted.halted, reason=wanted.reason, actor=wanted.actor, changed_at=now)
    )


def write_events(connection: Connection, now: datetime, *events: NewEvent) -> None:
    """Write events within a step."""
    if events:
        connection.execute(
            insert(EVENTS),
            [
                {
                    "happened_at": now,
                    "kind": one.kind,
                    "actor": one.actor,
                    "pair_id": one.pair_id,
                    "reason": one.reason,
                    "details": dict(one.details),
                }
                for one in events
            ],
        )
