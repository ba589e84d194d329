"""What the store says, for people: beside the process that trades, holding nobody up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import select

from funding_platform.execution.commands import CommandRefusedError
from funding_platform.execution.errors import ExecutionError
from funding_platform.execution.ledger import ledgers
from funding_platform.execution.pair.pairs import PairState
from funding_platform.execution.store import schema
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import HaltRecord, SnapshotRecord
from funding_platform.execution.store.store import Store, open_store
from funding_platform.flows.execution.frames import events_frame, positions_frame
from funding_platform.settings import Settings

SHOWN_EVENTS = 200


class NothingTradedError(ExecutionError):
    """No cycle has been run yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a trader stands.

    Parameters
    ----------
    picture
        What the last cycle saw and did; None where none was run yet.
    halt
        Whether new risk is halted now, which may be later than the picture.
    events
        The last ones, columns of ``execution.events``.
    """

    picture: SnapshotRecord | None
    halt: HaltRecord
    events: pl.DataFrame

    def content(self) -> dict[str, Any]:
        """Return the picture, with the halt as it is now.

        Raises
        ------
        NothingTradedError
            If no cycle has been run yet.
        """
        if self.picture is None:
            raise NothingTradedError(
                "no cycle has been run yet", hint="`funding trade run` runs them"
            )
        halted = (self.halt.reason or "without a reason") if self.halt.halted else None
        return {**self.picture.content, "halted": halted}


def standing(settings: Settings, count: int = SHOWN_EVENTS) -> Standing:
    """Read how the trader stands.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    with open_store(settings.execution_store, trades=False) as store:
        return standing_of(store, count)


def standing_of(store: Store, count: int = SHOWN_EVENTS) -> Standing:
    """Do the same with a store that is open."""
    return Standing(picture=store.snapshot(), halt=store.halted(), events=last_events(store, count))


def last_events(store: Store, count: int) -> pl.DataFrame:
    """Return the last events, oldest first: columns of ``execution.events``."""
    query = select(schema.EVENTS).order_by(schema.EVENTS.c.event_id.desc()).limit(count)
    return events_frame([dict(row._mapping) for row in reversed(store.rows(query))])


def positions(
    settings: Settings, *states: PairState, since: datetime | None = None
) -> pl.DataFrame:
    """Return pairs in those states, or all: columns of ``execution.positions``."""
    with open_store(settings.execution_store, trades=False) as store:
        journal = Journal(store)
        pairs = [
            pair for pair in journal.pairs(*states) if since is None or pair.updated_at >= since
        ]
        return positions_frame(ledgers(journal, pairs))


def outcome_of(store: Store, number: int) -> tuple[str, str]:
    """Return state and outcome of a command.

    Raises
    ------
    CommandRefusedError
        If there is none of that number.
    """
    for command in store.commands():
        if command.command_id == number:
            return command.state, command.outcome
    raise CommandRefusedError(f"there is no command {number}")
