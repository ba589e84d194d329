"""Dagster's SQLite storage, with one SQLAlchemy engine a file instead of one a statement.

A new engine forgets every statement that the last one has compiled: with one a statement, a demo of
two months takes an eighth more CPU time. The files are Dagster's own, and its own storage reads and
writes them too.

Of several processes that find a new home (two services that a machine starts at once), one makes
the files. Dagster's own storage lets all of them try, and those that come second end with "table
runs already exists".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from funding_platform.core.errors import FundingError
from funding_platform.lake.file_lock import let_go, take

MAKING_SECONDS: Final = 120.0
"""Longest wait for another process that makes the files, which takes some seconds."""

ENGINES = 32
"""Files whose engines are kept: that of all runs, and those of the latest ones. None holds a file
open."""


class HomeLockedError(FundingError):
    """Another process keeps the Dagster home locked."""


def _engine(address: str) -> Engine:
    return create_engine(
        address, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
    )


class EventLogStorage(SqliteEventLogStorage):
    """Events, a file for each run and one for what is asked of all."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._engine_of = lru_cache(ENGINES)(self._made)

    def run_connection(self, run_id: str | None = None) -> Any:
        """Open the file of a run, within a transaction."""
        return self._opened(run_id or INDEX_SHARD_NAME)

    def index_connection(self) -> Any:
        """Open the file of all runs, within a transaction."""
        return self._opened(INDEX_SHARD_NAME)

    def delete_events(self, run_id: str) -> None:
        """Delete the events of a run, and the file that they leave empty."""
        super().delete_events(run_id)
        self._engine_of.cache_clear()
        self._initialized_dbs.discard(run_id)
        for ending in ("", "-wal", "-shm"):
            Path(f"{self.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)

    @contextmanager
    def _opened(self, shard: str) -> Iterator[Connection]:
        engine = self._engine_of(shard)
        with self._db_lock, engine.begin() as connection:
            yield connection

    def _made(self, shard: str) -> Engine:
        with super().run_connection(shard):  # makes the file and its tables, if need be
            pass
        return _engine(self.conn_string_for_shard(shard))


class RunStorage(SqliteRunStorage):
    """Runs, backfills and what else is not an event."""

    _kept: Engine | None = None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open the file, within a transaction."""
        if self._kept is None:
            self._kept = _engine(self._conn_string)
        with self._kept.begin() as connection:
            yield connection


class SqliteStorage(DagsterSqliteStorage):
    """What ``dagster.yaml`` names: both of them, and schedules as Dagster keeps them."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        with _one_makes_the_files(Path(base_dir)):
            super().__init__(base_dir, inst_data)
        self._event_log_storage = EventLogStorage(self._event_log_storage._base_dir)
        self._run_storage = RunStorage(self._run_storage._conn_string)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "SqliteStorage":
        """Make one as ``dagster.yaml`` says."""
        return cls.from_local(inst_data=inst_data, **config_value)


@contextmanager
def _one_makes_the_files(home: Path) -> Iterator[None]:
    """Let others wait until the files are whole, or their maker is dead.

    Raises
    ------
    HomeLockedError
        If that takes too long.
    """
    lock = home / "storage.lock"
    try:
        held = take(lock, MAKING_SECONDS)
    except TimeoutError as error:
        raise HomeLockedError(
            f"another process has been opening Dagster's files for over {MAKING_SECONDS:g} s "
            f"(lock file {lock})",
            hint=f"`fuser {lock}` names it; a killed process leaves no lock behind",
        ) from error
    try:
        yield
    finally:
        let_go(held)
