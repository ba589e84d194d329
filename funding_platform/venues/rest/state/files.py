"""What every process of this machine knows of a venue, in a file.

One small file per venue and server below ``data/state``; see ``core.system.state_files``. Nothing
in it is worth keeping: where none can be written the state is this process's own.
"""

import logging
import sqlite3
import time
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
from funding_platform.venues.rest.state.store import TABLES, VERSION, Statements

_LOG = logging.getLogger(__name__)

_SCHEMA: Final = StateSchema(
    TABLES.format(by_key=" WITHOUT ROWID"), application_id=0x46_55_4E_44, version=VERSION
)

T = TypeVar("T")


def state_name(venue: str, base_url: str) -> str:
    """Name a venue's state; a sandbox or a proxy in its place has one of its own."""
    return "@".join(filter(None, (venue, urlsplit(base_url).netloc)))


def state_file(settings: Settings, venue: str, base_url: str) -> Path:
    """Find where a venue's state lies on this machine."""
    return settings.state_dir / f"{state_name(venue, base_url).replace(':', '-')}.sqlite"


class FileState:
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

    def now(self) -> float:
        """Return the seconds since the epoch, by the clock of the machine."""
        return time.time()

    def transact(self, work: Callable[[Statements], T]) -> T:
        """Do ``work`` with no other process's in between, and return its result."""
        return self._on_connection(lambda connection: in_transaction(connection, work))

    def read(self, query: Callable[[Statements], T]) -> T:
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
