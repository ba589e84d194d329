"""Open the store: connect, bring its tables up to this code, and let one process write.

Writes of SQLite are in write-ahead mode and wait for the disk: what a step has written is there
after the power fails. PostgreSQL does so by itself. Both transactions that write begin by taking
the right to write, so that none fails half-way for another one.
"""

import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from funding_platform.execution.errors import NewerStoreError, StoreError, StoreInUseError

MIGRATIONS: Final = Path(__file__).with_name("migrations")

_BUSY_MS: Final = 10_000
"""How long a writer waits for another process that writes, such as a command that is handed in."""

_NUMBER: Final = 0x66756E64
"""Number of the advisory lock of the one that writes, in the store's own database."""

_POSTGRES_WAIT: Final = "2s"
"""How long it may take the server to notice that a process is gone which had the lock."""


def connect(url: str) -> Engine:
    """Return an engine for a URL, and make the folder of a SQLite file.

    ``postgresql://`` means psycopg2, whatever SQLAlchemy's own default is.
    """
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says so
    for pragma in (
        f"busy_timeout = {_BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def upgrade(engine: Engine) -> None:
    """Bring the tables up to this code; a store that is up to date is not touched.

    Raises
    ------
    NewerStoreError
        If newer code has written it.
    SQLAlchemyError
        If the database cannot be used.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in scripts.walk_revisions()}
    with engine.connect().execution_options(reads=True) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        raise NewerStoreError(
            f"{_name(engine)}: its tables are of revision {found}, unknown to this version",
            hint="run the version of funding-platform that wrote it, or a newer one",
        )
    if found != scripts.get_current_head():
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def unusable(engine: Engine, error: SQLAlchemyError) -> StoreError:
    """Return what a failure of the database means to who uses the store."""
    said = str(getattr(error, "orig", None) or error).strip()
    hint = (
        "look for a full disk, missing rights or another program that holds the file"
        if engine.dialect.name == "sqlite"
        else "look whether the server runs and FUNDING_EXECUTION_URL names it and a database"
    )
    return StoreError(f"{_name(engine)}: {said}", hint=hint)


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


class WriterLock:
    """The right to write, held until it is let go or the process ends, however it ends."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._descriptor: int | None = None
        self._connection: Connection | None = None

    def take(self) -> None:
        """Take it, or raise ``StoreInUseError`` at once: two that trade are never queued."""
        if self._engine.dialect.name == "sqlite":
            self._take_file()
        else:
            self._take_advisory()

    def _take_file(self) -> None:
        if (database := self._engine.url.database) in (None, "", ":memory:"):
            return
        path = Path(f"{database}.writer")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace")
            os.close(descriptor)
            raise self._taken(holder) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, _whoami().encode())
        self._descriptor = descriptor

    def _take_advisory(self) -> None:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            connection.execute(
                text(
                    "SELECT set_config('application_name', :name, false), "
                    "set_config('lock_timeout', :wait, false)"
                ),
                {"name": _whoami(), "wait": _POSTGRES_WAIT},
            )
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _NUMBER})
        except OperationalError as error:
            holder = connection.scalar(
                text(
                    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
                    "WHERE locktype = 'advisory' AND granted AND objid = :number"
                ),
                {"number": _NUMBER},
            )
            connection.close()
            if holder is None:
                raise
            raise self._taken(holder) from error
        self._connection = connection

    def release(self) -> None:
        """Let it go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self._connection is not None:
            with suppress(OperationalError):  # a session that is lost holds no lock
                self._connection.execute(text("SELECT pg_advisory_unlock_all()"))
            self._connection.close()
            self._connection = None

    def _taken(self, holder: str) -> StoreInUseError:
        return StoreInUseError(
            f"{_name(self._engine)}: {holder or 'another process'} writes it",
            hint="one process trades at a time; stop that one, or ask it with a command",
        )


def _whoami() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"[:60]
