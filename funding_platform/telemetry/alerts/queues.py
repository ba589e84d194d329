"""The messages that wait for each receiver, and how the last ones ended: tables, and steps on them.

Every function is one step within a transaction of whoever has the file. See ``store``.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from funding_platform.telemetry.alerts.observing import Message

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""Between two tries of a sink that refuses; it doubles from the one to the other."""

KEPT_ENDED: Final = 200
"""Messages of a sink that are remembered when they have arrived, and as many that never did."""

TABLES: Final = """
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
CREATE TABLE ended (
    number INTEGER PRIMARY KEY, sink TEXT NOT NULL, message TEXT NOT NULL, arrived INTEGER NOT NULL,
    tries INTEGER NOT NULL, error TEXT, ended_at REAL NOT NULL
);
CREATE INDEX ended_of_sink ON ended (sink, arrived, number);
"""


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


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message for one sink.

    Parameters
    ----------
    message
        What was to be told.
    state
        ``waiting``, ``delivered``, or ``dead``: given up.
    tries
        Of sending it, up to now.
    error
        What the last refusal was.
    ended_at
        When it arrived or was given up.
    """

    message: Message
    state: Literal["waiting", "delivered", "dead"]
    tries: int
    error: str | None
    ended_at: datetime | None


def pause_after(failures: int) -> timedelta:
    """Return how long a sink is left alone after so many refusals before this one."""
    doublings: int = 2 ** min(failures, 16)  # by when the longest pause has long been reached
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)


def enqueue(database: sqlite3.Connection, sink: str, message: Message, most_waiting: int) -> None:
    """Have a message wait; beyond what may wait the oldest is dropped, and counted."""
    database.execute(
        "INSERT INTO outbox (sink, message) VALUES (?, ?)", [sink, message.model_dump_json()]
    )
    dropped = database.execute(
        "DELETE FROM outbox WHERE sink = ? AND number NOT IN "
        "(SELECT number FROM outbox WHERE sink = ? ORDER BY number DESC LIMIT ?)",
        [sink, sink, most_waiting],
    ).rowcount
    if dropped:
        database.execute(
            "INSERT INTO sinks (name, lost) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET lost = lost + excluded.lost",
            [sink, dropped],
        )


def next_for(database: sqlite3.Connection, sink: str, now: datetime) -> tuple[int, Message] | None:
    """Return the oldest message that waits for a sink, unless the sink is to be left alone."""
    found = database.execute(
        "SELECT o.number, o.message, coalesce(s.lost, 0) FROM outbox AS o "
        "LEFT JOIN sinks AS s ON s.name = o.sink "
        "WHERE o.sink = ? AND NOT coalesce(s.due_at, 0) BETWEEN ? AND ? "
        "ORDER BY o.number LIMIT 1",
        [
            sink,
            now.timestamp(),
            (now + LONGEST_PAUSE).timestamp(),  # later than that is due to a clock that was ahead
        ],
    ).fetchone()
    if found is None:
        return None
    number, text, lost = found
    return number, Message.model_validate_json(text).model_copy(update={"lost_before": lost})


def end(
    database: sqlite3.Connection,
    number: int,
    message: Message,
    now: datetime,
    refusal: str | None = None,
) -> None:
    """Have a message wait no more: it has arrived, or after a last refusal it is given up.

    What arrived has told of the messages that were lost before it.
    """
    moved = database.execute(
        "INSERT INTO ended SELECT o.number, o.sink, o.message, ?, coalesce(s.failures, 0) + 1, ?, ?"
        " FROM outbox AS o LEFT JOIN sinks AS s ON s.name = o.sink WHERE o.number = ? "
        "RETURNING sink",
        [refusal is None, refusal, now.timestamp(), number],
    ).fetchall()
    database.execute("DELETE FROM outbox WHERE number = ?", [number])
    for (sink,) in moved:
        told = 0 if refusal else message.lost_before
        database.execute(
            "INSERT INTO sinks (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET "
            "failures = 0, due_at = 0, last_error = NULL, lost = max(0, lost - ?)",
            [sink, told],
        )
        database.execute(
            "DELETE FROM ended WHERE sink = ? AND arrived = ? AND number NOT IN (SELECT number "
            "FROM ended WHERE sink = ? AND arrived = ? ORDER BY number DESC LIMIT ?)",
            [sink, refusal is None, sink, refusal is None, KEPT_ENDED],
        )


def put_off(database: sqlite3.Connection, sink: str, error: str, now: datetime) -> None:
    """Leave a sink alone that has refused, for longer after every refusal."""
    database.execute("INSERT INTO sinks (name) VALUES (?) ON CONFLICT DO NOTHING", [sink])
    ((failures,),) = database.execute("SELECT failures FROM sinks WHERE name = ?", [sink])
    database.execute(
        "UPDATE sinks SET failures = ?, due_at = ?, last_error = ? WHERE name = ?",
        [failures + 1, (now + pause_after(failures)).timestamp(), error, sink],
    )


def given_up(database: sqlite3.Connection, sink: str) -> int:
    """Return how many messages for a sink were given up, of those that are remembered."""
    found = database.execute("SELECT count(*) FROM ended WHERE sink = ? AND NOT arrived", [sink])
    return int(found.fetchone()[0])


def revive(database: sqlite3.Connection, sink: str, wanted: Callable[[Message], bool]) -> int:
    """Have messages that were given up wait again, each where it stood; return how many."""
    dead = database.execute(
        "SELECT number, message FROM ended WHERE sink = ? AND NOT arrived", [sink]
    ).fetchall()
    again = [one for one in dead if wanted(Message.model_validate_json(one[1]))]
    for number, text in again:
        database.execute("INSERT INTO outbox VALUES (?, ?, ?)", [number, sink, text])
        database.execute("DELETE FROM ended WHERE number = ?", [number])
    if again:
        database.execute("UPDATE sinks SET due_at = 0 WHERE name = ?", [sink])
    return len(again)


def waiting(database: sqlite3.Connection) -> dict[str, Waiting]:
    """Return how every sink stands that was ever sent anything, or has something waiting."""
    counted: dict[str, int] = dict(
        database.execute("SELECT sink, count(*) FROM outbox GROUP BY sink").fetchall()
    )
    kept = database.execute("SELECT name, failures, due_at, last_error, lost FROM sinks").fetchall()
    known = {
        name: Waiting(counted.get(name, 0), failures, _time(due_at, failures), last_error, lost)
        for name, failures, due_at, last_error, lost in kept
    }
    return {name: Waiting(number) for name, number in counted.items()} | known


def deliveries(database: sqlite3.Connection, sink: str) -> list[Delivery]:
    """Return the messages for a sink, the newest first: those that wait, then those that ended."""
    rows = database.execute(
        "SELECT o.number, o.message, NULL, coalesce(s.failures, 0), s.last_error, NULL "
        "FROM outbox AS o LEFT JOIN sinks AS s ON s.name = o.sink WHERE o.sink = ? "
        "UNION ALL SELECT number, message, arrived, tries, error, ended_at FROM ended "
        "WHERE sink = ? ORDER BY number",
        [sink, sink],
    ).fetchall()
    first = next((number for number, _, arrived, *_ in rows if arrived is None), None)
    found = [
        Delivery(
            Message.model_validate_json(text),
            "waiting" if arrived is None else "delivered" if arrived else "dead",
            # What waits behind the first of them was not tried yet.
            tries if arrived is not None or number == first else 0,
            error if arrived is not None or number == first else None,
            _time(ended_at, arrived is not None),
        )
        for number, text, arrived, tries, error, ended_at in rows
    ]
    return found[::-1]


def _time(seconds: float, known: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if known else None
