"""The file that knows which alerts are active, and which messages wait to be sent.

Both change in one transaction: an alert that is active has its message in the outbox or has sent
it, whatever is killed when. The file lies with the other state of the machine. Who deletes it
forgets what waits, and is told again of everything that is still wrong.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeVar

from filelock import Timeout

from funding_platform.core.system.state_files import StateSchema, in_transaction, open_state_file
from funding_platform.telemetry.alerts import queues
from funding_platform.telemetry.alerts.errors import AlertStateError
from funding_platform.telemetry.alerts.observing import (
    Alert,
    Evaluation,
    Message,
    Observation,
    follow,
)
from funding_platform.telemetry.alerts.queues import Delivery, Waiting
from funding_platform.telemetry.alerts.rules import RULES, Rule

MOST_WAITING: Final = 1_000
"""Messages that wait for one sink at most; beyond that the oldest are dropped, and counted."""

_SCHEMA: Final = StateSchema(
    f"""
CREATE TABLE active (
    kind TEXT, subject TEXT, alert TEXT NOT NULL, PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
{queues.TABLES}""",
    application_id=0x46_55_4E_41,
    version=2,
    durable=True,
)

T = TypeVar("T")


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
        rows = self._guarded(lambda database: [*database.execute("SELECT alert FROM active")])
        alerts = [Alert.model_validate_json(text) for (text,) in rows]
        return sorted(alerts, key=lambda alert: (alert.since, alert.kind, alert.subject))

    def waiting(self) -> dict[str, Waiting]:
        """Return how every sink stands that was ever sent anything, or has something waiting."""
        return self._guarded(queues.waiting)

    def deliveries(self, sink: str) -> list[Delivery]:
        """Return what became of the last messages for a sink, the newest first."""
        return self._guarded(lambda database: queues.deliveries(database, sink))

    def next_for(self, sink: str, now: datetime) -> tuple[int, Message] | None:
        """Return the oldest message that waits for a sink, unless the sink is to be left alone.

        With it comes the number by which it is acknowledged.
        """
        return self._guarded(lambda database: queues.next_for(database, sink, now))

    def acknowledge(self, number: int, message: Message, now: datetime) -> None:
        """Note that a message has arrived, and with it the losses that it told of."""
        self._transact(lambda database: queues.end(database, number, message, now))

    def give_up(self, number: int, message: Message, refusal: str, now: datetime) -> None:
        """Note that a message will never arrive: what waits behind it is next."""
        self._transact(lambda database: queues.end(database, number, message, now, refusal))

    def given_up(self, sink: str) -> int:
        """Return how many messages for a sink were given up, of those that are remembered."""
        return self._guarded(lambda database: queues.given_up(database, sink))

    def redeliver(self, sink: str, wanted: Callable[[Message], bool]) -> int:
        """Have messages that were given up wait again, in the order that they had; say how many."""
        return self._transact(lambda database: queues.revive(database, sink, wanted))

    def put_off(self, sink: str, error: str, now: datetime) -> None:
        """Leave a sink alone that has refused, for longer after every refusal."""
        self._transact(lambda database: queues.put_off(database, sink, error, now))

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
            for sink in sinks:
                queues.enqueue(database, sink, message, self._most_waiting)
        return message

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return in_transaction(self._connection, work)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._connection)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> AlertStateError:
        return AlertStateError(
            f"{self.path}: {error}",
            hint="give this user permission, free some space, or move the file away: alerts then "
            "begin anew",
        )
