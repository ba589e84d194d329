"""What every process of this machine knows of a venue: weight spent, pauses, bans, outages.

One small SQLite file per venue and server below ``data/state``. SQLite brings what this needs:
transactions of some 50 microseconds, a lock that dies with its process, and a file that a killed
process leaves whole. Nothing in it is worth keeping: a file that cannot be read is replaced, and
where none can be written the state is this process's own.
"""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from funding_platform.settings import Settings

_LOG = logging.getLogger(__name__)

LOCK_SECONDS: Final = 2.0
"""Longest wait for another process's transaction, which takes a fraction of a millisecond."""

_APPLICATION_ID: Final = 0x46_55_4E_44
_VERSION: Final = 2
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE spent (
    budget TEXT, slot INTEGER, weight REAL NOT NULL, PRIMARY KEY (budget, slot)
) WITHOUT ROWID;
CREATE TABLE pauses (budget TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE breaker (
    banned_until REAL,
    ban TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    last_failure TEXT,
    last_failed_at REAL,
    retry_at REAL
);
INSERT INTO breaker DEFAULT VALUES;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""

T = TypeVar("T")


def state_file(settings: Settings, venue: str, base_url: str) -> Path:
    """Find where a venue's state lies; a sandbox or a proxy in its place has one of its own."""
    name = "@".join(filter(None, (venue, urlsplit(base_url).netloc)))
    return settings.state_dir / f"{name.replace(':', '-')}.sqlite"


class SharedState:
    """The state of one venue, in a file or, without a path, in memory.

    Parameters
    ----------
    path
        The file, which is made if need be. Where that fails the state is kept in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._connection = _in_memory() if path is None else _shared(path)

    @property
    def place(self) -> str:
        """Where the state lies, for messages."""
        return "the memory of this process" if self._path is None else str(self._path)

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work`` with no other process's in between, and return its result."""
        return self._on_connection(lambda connection: _in_transaction(connection, work))

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run one query and return its answer. It waits for no process, and keeps none waiting."""
        return self._on_connection(query)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _on_connection(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work``, and return its result.

        A file that cannot be locked, read or written any more is given up for the memory of this
        process: collecting goes on, with limits that are no longer shared.
        """
        try:
            return work(self._connection)
        except sqlite3.Error as error:
            _LOG.warning("%s: %s; limits are no longer shared", self.place, error)
            self.close()
            self._path, self._connection = None, _in_memory()
            return work(self._connection)


def _in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return result


def _in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(_SCHEMA)
    return connection


def _shared(path: Path) -> sqlite3.Connection:
    """Open the file at ``path``, new or made anew if need be; memory where it cannot be had."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of two processes that find no file, or a broken one, the second finds the first one's.
        with FileLock(path.parent / "open.lock", timeout=LOCK_SECONDS):
            return _opened_or_replaced(path)
    except (OSError, Timeout, sqlite3.OperationalError) as error:
        _LOG.warning("%s cannot be used: %s; limits are not shared", path, error)
        return _in_memory()


def _opened_or_replaced(path: Path) -> sqlite3.Connection:
    try:
        return _opened(path)
    except sqlite3.OperationalError:  # locked, unwritable or full: nothing is wrong with it
        raise
    except sqlite3.DatabaseError as error:
        _LOG.warning("%s is replaced, and with it any ban it held: %s", path, error)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)
    try:
        # Nothing is synced: a killed process loses nothing, and a power cut nothing of worth.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = WAL")
        if _pragma(connection, "schema_version") == 0:
            connection.executescript(_SCHEMA)
        _require_ours(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_ours(connection: sqlite3.Connection) -> None:
    found = (_pragma(connection, "application_id"), _pragma(connection, "user_version"))
    if found != (_APPLICATION_ID, _VERSION):
        raise sqlite3.DatabaseError("a database of something else, or of another version")
    if (condition := _pragma(connection, "quick_check")) != "ok":
        raise sqlite3.DatabaseError(condition)


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    (value, *_) = connection.execute(f"PRAGMA {name}").fetchone()
    return value
