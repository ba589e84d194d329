"""The store: transactions with a name, and what everybody may write or read besides pairs.

Every write is a step with a name, all of it or none. Whoever trades holds the right to write
(``open_store(url)``); others open it beside (``open_store(url, trades=False)``) to read, to hand in
commands and to halt.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, CursorResult, Engine, Row, Select, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from funding_platform.core.system.clock import utc_now
from funding_platform.execution.store.connection import WriterLock, connect, unusable, upgrade
from funding_platform.execution.store.control import read_halt, write_events, write_halt
from funding_platform.execution.store.records import (
    CommandRecord,
    EventRecord,
    HaltRecord,
    NewEvent,
    SnapshotRecord,
)
from funding_platform.execution.store.schema import (
    COMMANDS,
    EVENTS,
    SNAPSHOTS,
    STRATEGY_STATES,
)

KEPT_SNAPSHOTS: Final = 1_000
"""So many of the newest are kept: screens show the last hours, the lake keeps the past."""


class Store:
    """A connection to the store.

    Parameters
    ----------
    engine
        Where it is; its tables are brought up to this code.
    now
        The present, for stamps.
    trades
        Whether this process is the one that trades.
    """

    def __init__(
        self, engine: Engine, now: Callable[[], datetime] = utc_now, *, trades: bool = True
    ) -> None:
        self.engine = engine
        self.now = now
        self._lock = WriterLock(engine)
        try:
            if trades:
                self._lock.take()
            upgrade(engine)
        except SQLAlchemyError as error:
            self.close()
            raise unusable(engine, error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database and of the right to write."""
        self._lock.release()
        self.engine.dispose()

    @contextmanager
    def step(self, name: str) -> Iterator[Connection]:
        """Write: all that happens inside is there afterwards, or none of it.

        Parameters
        ----------
        name
            What the step is called where it fails.

        Raises
        ------
        StoreError
            If the database does not take it.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            failed = unusable(self.engine, error)
            failed.add_note(f"in the step {name!r}")
            raise failed from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read as of one instant, holding nobody up."""
        try:
            with self.engine.connect().execution_options(reads=True) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise unusable(self.engine, error) from error

    def rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Return what a query finds."""
        with self.reading() as connection:
            return connection.execute(query).all()

    # What happened

    def add_event(self, event: NewEvent) -> None:
        """Write down what happened."""
        with self.step(event.kind) as connection:
            write_events(connection, self.now(), event)

    def events(self, *, after: int = 0, pair_id: str | None = None) -> list[EventRecord]:
        """Return the events after a number, oldest first."""
        query = select(EVENTS).where(EVENTS.c.event_id > after).order_by(EVENTS.c.event_id)
        if pair_id is not None:
            query = query.where(EVENTS.c.pair_id == pair_id)
        return [EventRecord(**row._mapping) for row in self.rows(query)]

    # Whether anything may be opened

    def halt(self, reason: str, actor: str) -> None:
        """Stop new risk at once, until somebody resumes; what is open can still be closed."""
        self._set_halt(HaltRecord(halted=True, reason=reason, actor=actor), "halted")

    def resume(self, reason: str, actor: str) -> None:
        """Allow new risk again."""
        self._set_halt(HaltRecord(halted=False, reason=reason, actor=actor), "resumed")

    def _set_halt(self, wanted: HaltRecord, kind: str) -> None:
        with self.step(kind) as connection:
            now = self.now()
            write_halt(connection, now, wanted)
            write_events(
                connection, now, NewEvent(kind=kind, reason=wanted.reason, actor=wanted.actor)
            )

    def halted(self) -> HaltRecord:
        """Return whether new risk is halted, and why."""
        with self.reading() as connection:
            return read_halt(connection)

    # What somebody asked for

    def add_command(self, name: str, arguments: Mapping[str, Any], actor: str) -> int:
        """Hand a command in to whoever trades; return its number."""
        with self.step("command asked") as connection:
            now = self.now()
            done = connection.execute(
                insert(COMMANDS).values(
                    asked_at=now,
                    actor=actor,
                    name=name,
                    arguments=dict(arguments),
                    state="asked",
                    outcome="",
                )
            )
            number = _number(done)
            details = {"command_id": number, "arguments": dict(arguments)}
            write_events(
                connection,
                now,
                NewEvent(kind="command_asked", reason=name, actor=actor, details=details),
            )
            return number

    def commands(self, state: str | None = None) -> list[CommandRecord]:
        """Return commands, oldest first; those of one state where that is given."""
        query = select(COMMANDS).order_by(COMMANDS.c.command_id)
        if state is not None:
            query = query.where(COMMANDS.c.state == state)
        return [CommandRecord(**row._mapping) for row in self.rows(query)]

    def finish_command(self, command_id: int, outcome: str, *, refused: bool = False) -> None:
        """Say what became of a command, in words."""
        state = "refused" if refused else "done"
        with self.step(f"command {state}") as connection:
            now = self.now()
            connection.execute(
                update(COMMANDS)
                .where(COMMANDS.c.command_id == command_id)
                .values(state=state, outcome=outcome, done_at=now)
            )
            write_events(
                connection,
                now,
                NewEvent(
                    kind=f"command_{state}", reason=outcome, details={"command_id": command_id}
                ),
            )

    # What strategies and screens remember

    def strategy_state(self, name: str) -> Mapping[str, Any] | None:
        """Return what a strategy has remembered; None where it has nothing."""
        query = select(STRATEGY_STATES.c.state).where(STRATEGY_STATES.c.name == name)
        rows = self.rows(query)
        return rows[0].state if rows else None

    def save_strategy_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Remember it for the next start."""
        values = {"state": dict(state), "updated_at": self.now()}
        with self.step("strategy state") as connection:
            _put(connection, STRATEGY_STATES, STRATEGY_STATES.c.name, name, values)

    def add_snapshot(self, content: Mapping[str, Any]) -> None:
        """Keep what a screen shows, and drop what is long past."""
        with self.step("snapshot") as connection:
            done = connection.execute(
                insert(SNAPSHOTS).values(taken_at=self.now(), content=dict(content))
            )
            oldest = _number(done) - KEPT_SNAPSHOTS
            connection.execute(SNAPSHOTS.delete().where(SNAPSHOTS.c.snapshot_id <= oldest))

    def snapshot(self) -> SnapshotRecord | None:
        """Return the newest; None where there is none."""
        rows = self.rows(select(SNAPSHOTS).order_by(SNAPSHOTS.c.snapshot_id.desc()).limit(1))
        return SnapshotRecord(**rows[0]._mapping) if rows else None


def open_store(url: str, now: Callable[[], datetime] = utc_now, *, trades: bool = True) -> Store:
    """Open the store at a SQLAlchemy URL, and make it if it is not there.

    Raises
    ------
    StoreInUseError
        If another process trades with it.
    NewerStoreError
        If newer code has written it.
    StoreError
        If the database cannot be used.
    """
    return Store(connect(url), now, trades=trades)


def _number(done: CursorResult[Any]) -> int:
    """Return the number that a new row was given."""
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def _put(
    connection: Connection, table: Any, key: Any, name: str, values: Mapping[str, Any]
) -> None:
    """Change the row of a key, or add it."""
    changed = connection.execute(update(table).where(key == name).values(**values))
    if not changed.rowcount:
        connection.execute(insert(table).values({key.name: name, **values}))
