"""What every process of this machine knows of a venue: weight spent, pauses, bans, outages.

One small file per venue and server below ``data/state``; see ``core.system.state_files``. Nothing
in it is worth keeping: where none can be written the state is this process's own.
"""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from filelock import Timeout

from funding_platform.core.system.state_files import (
    StateSchema,
    in_transaction,
    open_state_file,
    state_in_memory,
)
from funding_platform.settings import Settings

_LOG = logging.getLogger(__name__)

_SCHEMA: Final = StateSchema(
    """
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
""",
    application_id=0x46_55_4E_44,
    version=2,
)

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
        self._connection = state_in_memory(_SCHEMA) if path is None else _shared(path)

    @property
    def place(self) -> str:
        """Where the state lies, for messages."""
        return "the memory of this process" if self._path is None else str(self._path)

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work`` with no other process's in between, and return its result."""
        return self._on_connection(lambda connection: in_transaction(connection, work))

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
            self._path, self._connection = None, state_in_memory(_SCHEMA)
            return work(self._connection)


def _shared(path: Path) -> sqlite3.Connection:
    """Open the file at ``path``, new or made anew if need be; memory where it cannot be had."""
    try:
        return open_state_file(path, _SCHEMA)
    except (OSError, Timeout, sqlite3.OperationalError) as error:
        _LOG.warning("%s cannot be used: %s; limits are not shared", path, error)
        return state_in_memory(_SCHEMA)
