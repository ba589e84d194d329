"""Small SQLite files in which the processes of one machine keep what they share.

SQLite brings what this needs: transactions of some 50 microseconds, a lock that dies with its
process, and a file that a killed process leaves whole. One that cannot be read, or that is of
another version, is replaced by an empty one: nothing belongs in it that cannot be done without.
"""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from filelock import FileLock

_LOG = logging.getLogger(__name__)

LOCK_SECONDS: Final = 2.0
"""Longest wait for another process's transaction, which takes a fraction of a millisecond."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StateSchema:
    """What a kind of state file holds.

    Parameters
    ----------
    statements
        What makes its tables, in an empty file.
    application_id, version
        What says in the file that it is one of this kind, and of this version.
    durable
        Whether what is committed outlasts a power cut. Without it a killed process still loses
        nothing, and a transaction takes a tenth of the time.
    """

    statements: str
    application_id: int
    version: int
    durable: bool = False

    @property
    def script(self) -> str:
        """What makes it of an empty file, all or nothing."""
        return (
            f"BEGIN IMMEDIATE;\n{self.statements}\n"
            f"PRAGMA application_id = {self.application_id};\n"
            f"PRAGMA user_version = {self.version};\nCOMMIT;"
        )


def state_in_memory(schema: StateSchema) -> sqlite3.Connection:
    """Make one that only this process knows."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(schema.script)
    return connection


def open_state_file(path: Path, schema: StateSchema) -> sqlite3.Connection:
    """Open the file at ``path``, new or made anew if need be.

    Raises
    ------
    OSError, filelock.Timeout, sqlite3.OperationalError
        If it cannot be had: no permission, no space, locked for too long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of two processes that find no file, or a broken one, the second finds the first one's.
    with FileLock(path.parent / "open.lock", timeout=LOCK_SECONDS):
        return _opened_or_replaced(path, schema)


def in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do ``work`` with no other process's in between, and return its result."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return result


def _opened_or_replaced(path: Path, schema: StateSchema) -> sqlite3.Connection:
    try:
        return _opened(path, schema)
    except sqlite3.OperationalError:  # locked, unwritable or full: nothing is wrong with it
        raise
    except sqlite3.DatabaseError as error:
        _LOG.warning("%s is replaced, and what it held is forgotten: %s", path, error)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        return _opened(path, schema)


def _opened(path: Path, schema: StateSchema) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if schema.durable else 'OFF'}")
        connection.execute("PRAGMA journal_mode = WAL")
        if _pragma(connection, "schema_version") == 0:
            connection.executescript(schema.script)
        _require_ours(connection, schema)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_ours(connection: sqlite3.Connection, schema: StateSchema) -> None:
    found = (_pragma(connection, "application_id"), _pragma(connection, "user_version"))
    if found != (schema.application_id, schema.version):
        raise sqlite3.DatabaseError("a database of something else, or of another version")
    if (condition := _pragma(connection, "quick_check")) != "ok":
        raise sqlite3.DatabaseError(condition)


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    (value, *_) = connection.execute(f"PRAGMA {name}").fetchone()
    return value
