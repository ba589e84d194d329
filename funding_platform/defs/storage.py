"""Dagster's SQLite storage, as small and as quick as what is asked of it here every hour.

The files are Dagster's own, of its own tables; what differs is how they are written.

Events lie packed (see ``packed_events``). The file of a run begins as a copy of an empty one, in
small pages and without indexes: what concerns more than one run is asked of the file of all runs.

Connections are held, one a file: to open one for each event and close it again is four times to the
disk and back, and compiles every statement anew. SQLite then syncs when it moves what was written
from its log to the file, not with every event. A killed process loses nothing by that. A power cut
may lose the events of the last seconds, and leaves the files whole.

Of several processes that find a new home (two services that a machine starts at once), one makes
the files. Dagster's own storage lets all of them try, and those that come second end with "table
runs already exists".
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import dagster
from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

from funding_platform.core.errors import FundingError
from funding_platform.defs.packed_events import pack_events
from funding_platform.lake.file_lock import let_go, take

MAKING_SECONDS: Final = 120.0
"""Longest wait for another process that makes the files, which takes some seconds."""

HELD: Final = 8
"""Files of runs that are held open, the latest ones; that of all runs is too."""

_OF_ALL_RUNS: Final = (
    "idx_events_by_asset",
    "idx_events_by_asset_partition",
    "idx_event_type",
    "idx_events_by_run_id",
    "idx_step_key",
)
"""Indexes that the file of a single run does without: it has some hundred events."""

_PAGE: Final = 1024
"""Bytes of a page of a run's file: each of its thirty tables and indexes takes one, if only for
itself."""


class HomeLockedError(FundingError):
    """Another process keeps the Dagster home locked."""


def _engine(address: str) -> Engine:
    """Hold one connection to a file, for whichever thread asks."""
    engine = create_engine(
        address,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=-1,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _sync_seldom)
    return engine


def _sync_seldom(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")


class EventLogStorage(SqliteEventLogStorage):
    """Events, a file for each run and one for what is asked of all."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pack_events()
        self._engines: dict[str, Engine] = {}
        self._there: set[str] = set()
        super().__init__(*arguments, **named)

    def run_connection(self, run_id: str | None = None) -> Any:
        """Open the file of a run, within a transaction."""
        return self._opened(run_id or "")

    def index_connection(self) -> Any:
        """Open the file of all runs, within a transaction."""
        return self._opened(INDEX_SHARD_NAME)

    def has_table(self, table_name: str) -> bool:
        """Tell whether a table is there, which is asked at every materialisation and never ends."""
        if table_name not in self._there and super().has_table(table_name):
            self._there.add(table_name)
        return table_name in self._there

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        column = f"asset_keys.{column_name}"
        if column not in self._there and super()._has_asset_key_col_on_connection(
            conn, column_name
        ):
            self._there.add(column)
        return column in self._there

    def delete_events(self, run_id: str) -> None:
        """Delete the events of a run, and the file that they leave empty."""
        super().delete_events(run_id)
        with self._db_lock:
            if engine := self._engines.pop(run_id, None):
                engine.dispose()
        self._initialized_dbs.discard(run_id)
        for ending in ("", "-wal", "-shm"):
            Path(f"{self.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Call back for each event of a run from now on: so the UI shows one that is under way."""
        observer = self._obs or Observer()
        if not self._obs:
            observer.start()
            self._obs = observer  # type: ignore[assignment]
        watcher = _Watcher(self, run_id, callback, cursor)
        watch = observer.schedule(watcher, self._base_dir)
        self._watchers[run_id][callback] = (watcher, watch)

    def dispose(self) -> None:
        """Let go of the files."""
        super().dispose()
        with self._db_lock:
            self._let_go_of(len(self._engines))

    @contextmanager
    def _opened(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine_of(shard).begin() as connection:
            yield connection

    def _engine_of(self, shard: str) -> Engine:
        """Return the engine of a file, which is the latest one now."""
        engine = self._engines.pop(shard, None) or self._made(shard)
        self._engines[shard] = engine
        if INDEX_SHARD_NAME in self._engines:
            self._engines[INDEX_SHARD_NAME] = self._engines.pop(INDEX_SHARD_NAME)
        self._let_go_of(len(self._engines) - 1 - HELD)
        return engine

    def _let_go_of(self, count: int) -> None:
        """Close the files that were asked longest ago."""
        for shard in list(self._engines)[: max(count, 0)]:
            self._engines.pop(shard).dispose()

    def _made(self, shard: str) -> Engine:
        """Make the file and its tables, if need be."""
        path = Path(self.path_for_shard(shard))
        engine = _engine(self.conn_string_for_shard(shard))
        if shard == INDEX_SHARD_NAME or path.exists():
            self._initdb(engine, for_index_shard=shard == INDEX_SHARD_NAME)
        else:
            _copy(self._empty_run(), path)
        self._initialized_dbs.add(shard)
        return engine

    def _empty_run(self) -> Path:
        """Return the file that those of runs begin as."""
        kept = Path(self._base_dir) / f"empty_run_of_{dagster.__version__}"
        if not kept.exists():
            made = kept.with_name(f"{kept.name}.{os.getpid()}")
            engine = _engine(f"sqlite:///{made}")
            self._initdb(engine)
            engine.dispose()
            with closing(sqlite3.connect(made)) as connection:
                for index in _OF_ALL_RUNS:
                    connection.execute(f"DROP INDEX {index}")
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute(f"PRAGMA page_size = {_PAGE}")
                connection.execute("VACUUM")
                connection.execute("PRAGMA journal_mode = WAL")
            made.replace(kept)
        return kept


class _Watcher(SqliteEventLogStorageWatchdog):
    """Sees what is written to SQLite's log of a file: the file itself changes later."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._patterns = [self._log_path, f"{self._log_path}-wal"]

    def on_modified(self, event: FileSystemEvent) -> None:
        """Look for new events."""
        self._process_log()


def _copy(source: Path, file: Path) -> None:
    """Copy a file to where there is none, all of it at once."""
    aside = shutil.copyfile(source, file.with_name(f".{file.name}.{os.getpid()}.new"))
    with suppress(FileExistsError):  # another process was first: it may have written already
        os.link(aside, file)
    aside.unlink()


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

    def dispose(self) -> None:
        """Let go of the file."""
        super().dispose()
        if self._kept is not None:
            self._kept.dispose()


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
