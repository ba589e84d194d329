"""The file that knows which alerts are active, and which messages wait to be sent.

Both change in one transaction: an alert that is active has its message in the outbox or has sent
it, whatever is killed when. The file lies with the other state of the machine. Who deletes it
forgets what waits, and is told again of everything that is still wrong.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from filelock import Timeout

from funding_platform.core.system.state_files import StateSchema, in_transaction, open_state_file
from funding_platform.telemetry.alerts.errors import AlertStateError
from funding_platform.telemetry.alerts.observing import (
    Alert,
    Evaluation,
    Message,
    Observation,
    follow,
)
from funding_platform.telemetry.alerts.rules import RULES, Rule

MOST_WAITING: Final = 1_000
"""Messages that wait for one sink at most; beyond that the oldest are dropped, and counted."""

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""Between two tries of a sink that refuses; it doubles from the one to the other."""

_SCHEMA: Final = StateSchema(
    """
CREATE TABLE active (
    kind TEXT, subject TEXT, alert TEXT NOT NULL, PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, message TEXT NOT NULL
);
CREATE INDEX outbox_of_sink ON outbox (sink, number);
CREATE TABLE sinks (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    last_error TEXT,
    lost INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
""",
    application_id=0x46_55_4E_41,
    version=1,
    durable=True,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a sink stands.

    Parameters
    ----------
    messages
        How many wait for it.
    failures
        Tries in a row that it refused.
    due_at
        When it is tried again; None where it has refused nothing.
    last_error
        What the last refusal was.
    lost
        Messages dropped since one arrived last.
    """

    messages: int
    failures: int = 0
    due_at: datetime | None = None
    last_error: str | None = None
    lost: int = 0


class AlertStore:
    """The alerts of one machine. Any number of processes may open it.

    Parameters
    ----------
    path
        The file, which is made if need be.
    most_waiting
        Messages that wait for one sink at most.

    Raises
    ------
    AlertStateError
        If the file cannot be had.
    """

    def __init__(self, path: Path, *, most_waiting: int = MOST_WAITING) -> None:
        self.path = path
        self._most_waiting = most_waiting
        try:
            self._connection = open_state_file(path, _SCHEMA)
        except (OSError, Timeout, sqlite3.OperationalError) as error:
            raise self._unusable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def observe(
        self,
        evaluations: Iterable[Evaluation],
        sinks: Sequence[str],
        now: datetime,
        rules: Mapping[str, Rule] = RULES,
    ) -> list[Message]:
        """Judge what was observed; put what is to be told into the outbox of every sink.

        Returns
        -------
        list
            What is to be told.
        """
        found = list(evaluations)
        return self._transact(
            lambda database: [
                message
                for evaluation in found
                for message in self._judge(database, evaluation, rules, sinks, now)
            ]
        )

    def end(self, kind: str, subject: str, sinks: Sequence[str], now: datetime) -> Message | None:
        """End an alert by hand; None where it is not active."""
        return self._transact(
            lambda database: self._step(database, RULES[kind], subject, None, sinks, now)
        )

    def active(self) -> list[Alert]:
        """Return the active alerts, the oldest first."""
        rows = self._read("SELECT alert FROM active")
        alerts = [Alert.model_validate_json(text) for (text,) in rows]
        return sorted(alerts, key=lambda alert: (alert.since, alert.kind, alert.subject))

    def waiting(self) -> dict[str, Waiting]:
        """Return how every sink stands that was ever sent anything, or has something waiting."""
        counted: dict[str, int] = dict(
            self._read("SELECT sink, count(*) FROM outbox GROUP BY sink")
        )
        kept = self._read("SELECT name, failures, due_at, last_error, lost FROM sinks")
        known = {
            name: Waiting(
                counted.get(name, 0),
                failures,
                datetime.fromtimestamp(due_at, UTC) if failures else None,
                last_error,
                lost,
            )
            for name, failures, due_at, last_error, lost in kept
        }
        return {name: Waiting(number) for name, number in counted.items()} | known

    def next_for(self, sink: str, now: datetime) -> tuple[int, Message] | None:
        """Return the oldest message that waits for a sink, unless the sink is to be left alone.

        With it comes the number by which it is acknowledged.
        """
        found = self._read(
            "SELECT o.number, o.message, coalesce(s.lost, 0) FROM outbox AS o "
            "LEFT JOIN sinks AS s ON s.name = o.sink "
            "WHERE o.sink = ? AND NOT coalesce(s.due_at, 0) BETWEEN ? AND ? "
            "ORDER BY o.number LIMIT 1",
            sink,
            now.timestamp(),
            (now + LONGEST_PAUSE).timestamp(),  # later than that is due to a clock that was ahead
        )
        if not found:
            return None
        number, text, lost = found[0]
        return number, Message.model_validate_json(text).model_copy(update={"lost_before": lost})

    def acknowledge(self, sink: str, number: int, message: Message) -> None:
        """Forget a message that has arrived, and with it the losses that it told of."""

        def forget(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM outbox WHERE number = ?", [number])
            database.execute(
                "INSERT INTO sinks (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET "
                "failures = 0, due_at = 0, last_error = NULL, lost = max(0, lost - ?)",
                [sink, message.lost_before],
            )

        self._transact(forget)

    def put_off(self, sink: str, error: str, now: datetime) -> None:
        """Leave a sink alone that has refused, for longer after every refusal."""

        def note(database: sqlite3.Connection) -> None:
            database.execute("INSERT INTO sinks (name) VALUES (?) ON CONFLICT DO NOTHING", [sink])
            ((failures,),) = database.execute("SELECT failures FROM sinks WHERE name = ?", [sink])
            database.execute(
                "UPDATE sinks SET failures = ?, due_at = ?, last_error = ? WHERE name = ?",
                [failures + 1, (now + pause_after(failures)).timestamp(), error, sink],
            )

        self._transact(note)

    def _judge(
        self,
        database: sqlite3.Connection,
        evaluation: Evaluation,
        rules: Mapping[str, Rule],
        sinks: Sequence[str],
        now: datetime,
    ) -> list[Message]:
        """Take every subject of an evaluation one step further."""
        rule = rules[evaluation.kind]
        seen = {one.subject: one for one in evaluation.observations}
        subjects = list(seen)
        if evaluation.whole:
            active = database.execute("SELECT subject FROM active WHERE kind = ?", [rule.kind])
            subjects += [subject for (subject,) in active if subject not in seen]
        steps = (self._step(database, rule, one, seen.get(one), sinks, now) for one in subjects)
        return [message for message in steps if message is not None]

    def _step(
        self,
        database: sqlite3.Connection,
        rule: Rule,
        subject: str,
        seen: Observation | None,
        sinks: Sequence[str],
        now: datetime,
    ) -> Message | None:
        key = [rule.kind, subject]
        kept = database.execute(
            "SELECT alert FROM active WHERE kind = ? AND subject = ?", key
        ).fetchone()
        before = Alert.model_validate_json(kept[0]) if kept else None
        after, message = follow(rule, before, seen, now)
        if after is None:
            database.execute("DELETE FROM active WHERE kind = ? AND subject = ?", key)
        elif after != before:
            database.execute(
                "INSERT OR REPLACE INTO active VALUES (?, ?, ?)", [*key, after.model_dump_json()]
            )
        if message is not None:
            self._enqueue(database, message, sinks)
        return message

    def _enqueue(
        self, database: sqlite3.Connection, message: Message, sinks: Sequence[str]
    ) -> None:
        for sink in sinks:
            database.execute(
                "INSERT INTO outbox (sink, message) VALUES (?, ?)",
                [sink, message.model_dump_json()],
            )
            dropped = database.execute(
                "DELETE FROM outbox WHERE sink = ? AND number NOT IN "
                "(SELECT number FROM outbox WHERE sink = ? ORDER BY number DESC LIMIT ?)",
                [sink, sink, self._most_waiting],
            ).rowcount
            if dropped:
                database.execute(
                    "INSERT INTO sinks (name, lost) VALUES (?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET lost = lost + excluded.lost",
                    [sink, dropped],
                )

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return in_transaction(self._connection, work)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _read(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> AlertStateError:
        return AlertStateError(
            f"{self.path}: {error}",
            hint="give this user permission, free some space, or move the file away: alerts then "
            "begin anew",
        )


def pause_after(failures: int) -> timedelta:
    """Return how long a sink is left alone after so many refusals before this one."""
    doublings: int = 2 ** min(failures, 16)  # by when the longest pause has long been reached
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)
