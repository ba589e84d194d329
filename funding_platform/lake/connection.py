"""Opening the lake: DuckDB in memory, the DuckLake attached as its default database.

The embedded profile keeps a SQLite catalog and Parquet files side by side in one folder, which
can be copied anywhere: paths in the catalog are relative to the data path given on attach.
"""

import importlib.util
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from funding_platform.core.schema import Column, Table
from funding_platform.core.tables import TABLES
from funding_platform.lake.errors import (
    ExtensionError,
    LakeLockedError,
    LakeMissingError,
    translated,
)
from funding_platform.settings import Settings

LAKE = "lake"
"""The name that the lake is attached under."""

EXTENSIONS = ("sqlite_scanner", "ducklake")

ROW_GROUP_ROWS = 10_240
"""Rows per Parquet row group: small enough that one symbol's rows are found without the rest."""

CREATED_BY_DBT = ("marts",)
"""Schemas whose tables dbt creates; the others are created here."""

_OURS = tuple(table for table in TABLES.values() if table.schema not in CREATED_BY_DBT)


def catalog_file(settings: Settings) -> Path:
    """The SQLite file of the embedded profile."""
    return settings.lake_dir / "catalog.sqlite"


def files_dir(settings: Settings) -> Path:
    """Where the Parquet files lie."""
    return settings.lake_dir / "files"


def connect(
    settings: Settings | None = None,
    *,
    read_only: bool = True,
    as_of: datetime | int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the lake as its default database.

    Parameters
    ----------
    settings
        Where the lake lies; from the environment when not given.
    read_only
        False to write. Writing code should prefer `lake.writer.Lake`, which takes the lock.
    as_of
        The lake as it was: a UTC instant, or a snapshot id.

    Raises
    ------
    LakeMissingError
        If nothing has been stored yet and the connection is read-only.
    LakeLockedError
        If another process keeps the catalog locked.
    """
    settings = settings or Settings()
    if not catalog_file(settings).exists():
        if read_only or as_of is not None:
            raise LakeMissingError(
                f"there is no lake at {settings.lake_dir}",
                hint="collect something first (`make demo`, `funding collect`), or set "
                "FUNDING_DATA_DIR to the folder that holds `lake`",
            )
        create(settings)
    connection = bare_connection(settings)
    try:
        attach(connection, settings, read_only=read_only, as_of=as_of)
        if not read_only and as_of is None:
            _add_what_is_new(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def create(settings: Settings) -> None:
    """Create the catalog with every declared table that dbt does not create.

    It is built aside and renamed into place: a killed process leaves no half-made lake, and of
    two processes that begin at once the second finds the first one's.
    """
    files_dir(settings).mkdir(parents=True, exist_ok=True)
    catalog = catalog_file(settings)
    aside = catalog.with_name(f".{catalog.name}.new")
    with commit_lock(settings):
        if catalog.exists():
            return
        aside.unlink(missing_ok=True)
        connection = bare_connection(settings)
        try:
            attach(connection, settings, read_only=False, catalog=aside)
            _bring_up_to_date(connection)
            connection.execute(
                f"CALL {LAKE}.set_option('parquet_row_group_size', {ROW_GROUP_ROWS})"
            )
        except duckdb.Error as error:
            raise translated(error) from error
        finally:
            connection.close()
        _let_readers_read_while_others_write(aside)
        aside.replace(catalog)


def has_table(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Whether the lake has a table yet: one of a lake from before may be newer than it."""
    found = connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
        [table.schema, table.name],
    )
    return found.fetchone() is not None


def _let_readers_read_while_others_write(catalog: Path) -> None:
    """Switch the catalog to a write-ahead log, once and for all connections to come.

    With SQLite's default journal a reader that meets a commit gets "database is locked" (seen
    once in some thousand reads beside four writers on a loaded machine).
    """
    with closing(sqlite3.connect(catalog)) as database:
        database.execute("PRAGMA journal_mode = WAL")


def commit_lock(settings: Settings) -> FileLock:
    """The inter-process lock around BEGIN..COMMIT.

    Two overlapping writers on a SQLite catalog fail at COMMIT with "database is locked"; the
    lock makes them take turns. Readers need none. It can be taken again by its holder.
    """
    return _CommitLock(
        settings.lake_dir / "commit.lock",
        timeout=settings.lock_timeout_seconds,
        is_singleton=True,
    )


class _CommitLock(FileLock):
    """A file lock whose timeout explains itself."""

    def acquire(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        try:
            return super().acquire(*args, **kwargs)  # type: ignore[arg-type]
        except Timeout as error:
            raise LakeLockedError(
                f"another process has been committing for over {self.timeout:g} s "
                f"(lock file {self.lock_file})",
                hint="wait for it to finish; a killed process leaves no lock behind",
            ) from error


def bare_connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory with the lake's extensions, UTC, and caps on threads and memory."""
    verified = _loaded_by.keys() >= set(EXTENSIONS)
    connection = duckdb.connect(
        config={
            "threads": settings.lake_threads,
            "memory_limit": settings.lake_memory_limit,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,  # else every LOAD first asks the network
            "allow_unsigned_extensions": verified,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    for name in EXTENSIONS:
        load_extension(connection, name)
    connection.execute("SET allow_unsigned_extensions = false")  # cannot be undone
    return connection


_loaded_by: dict[str, str] = {}
"""The statement that loaded each extension in this process, its signature checked by DuckDB.

Checking a signature reads the whole binary, some 35 MB: 80 ms at every connection, against 1 ms
for loading it again unchecked.
"""


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension: installed already, else from its wheel, else downloaded.

    Raises
    ------
    ExtensionError
        If none of the three works.
    """
    ways = (f"LOAD {name}", f"LOAD '{_wheel_file(name)}'", f"INSTALL {name}; LOAD {name}")
    failures = []
    for statement in [_loaded_by[name]] if name in _loaded_by else ways:
        try:
            connection.execute(statement)
        except duckdb.Error as error:
            failures.append(f"{statement.split(';')[0]}: {error}")
        else:
            _loaded_by[name] = statement
            return
    raise ExtensionError(
        f"the DuckDB extension {name} cannot be loaded: {'; '.join(failures)}",
        hint=f"pip install duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}",
    )


def _wheel_file(name: str) -> Path:
    """Where the extension's wheel keeps the binary."""
    package = importlib.util.find_spec(f"duckdb_extension_{name}")
    folder = Path(package.origin).parent if package and package.origin else Path("not-installed")
    return folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def attach(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    read_only: bool,
    as_of: datetime | int | None = None,
    catalog: Path | None = None,
    name: str = LAKE,
) -> None:
    """Attach the lake under ``name`` and make it the default database."""
    catalog = catalog or catalog_file(settings)
    options = [
        f"DATA_PATH '{files_dir(settings)}/'",
        "OVERRIDE_DATA_PATH true",
        f"META_BUSY_TIMEOUT {settings.lock_timeout_seconds * 1000:.0f}",
    ]
    if isinstance(as_of, datetime):
        options.append(f"SNAPSHOT_TIME '{as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f+00}'")
    elif as_of is not None:
        options.append(f"SNAPSHOT_VERSION {as_of:d}")
    if read_only or as_of is not None:
        options.append("READ_ONLY")
    try:
        connection.execute(f"ATTACH 'ducklake:sqlite:{catalog}' AS {name} ({', '.join(options)})")
        connection.execute(f"USE {name}")
    except duckdb.Error as error:
        raise translated(error) from error


def _add_what_is_new(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Bring a lake up to date that was made before the newest declarations."""
    held = _held_columns(connection)
    if _tables_not_in(held) or _columns_not_in(held):
        with commit_lock(settings):
            _bring_up_to_date(connection)


def _bring_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the tables and columns that are declared and not there, all at once or not at all."""
    held = _held_columns(connection)
    tables = _tables_not_in(held)
    connection.execute("BEGIN")
    for schema in dict.fromkeys(table.schema for table in TABLES.values()):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table in tables:
        create_table(connection, table)
    for table, column in _columns_not_in(held):
        connection.execute(
            f"ALTER TABLE {table.full_name} ADD COLUMN {column.name} {column.type.value}"
        )
    connection.execute("COMMIT")
    for table in tables:
        for option, value in table.options:  # refused before the table is committed
            connection.execute(
                f"CALL {LAKE}.set_option(?, ?, schema => ?, table_name => ?)",
                [option, value, table.schema, table.name],
            )


def _held_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Names of the columns of every table that the lake has."""
    found = connection.execute(
        "SELECT schema_name || '.' || table_name, list(column_name) FROM duckdb_columns() "
        "WHERE database_name = ? GROUP BY ALL",
        [LAKE],
    ).fetchall()
    return {name: set(columns) for name, columns in found}


def _tables_not_in(held: Mapping[str, set[str]]) -> list[Table]:
    return [table for table in _OURS if table.full_name not in held]


def _columns_not_in(held: Mapping[str, set[str]]) -> list[tuple[Table, Column]]:
    """Columns that tables of an older lake lack; rows from before have null there."""
    return [
        (table, column)
        for table in _OURS
        for column in table.columns
        if table.full_name in held and column.name not in held[table.full_name]
    ]


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create one declared table with its file layout."""
    connection.execute(table.ddl())
    if table.partition_by:
        connection.execute(
            f"ALTER TABLE {table.full_name} SET PARTITIONED BY ({', '.join(table.partition_by)})"
        )
    if table.sort_by:
        connection.execute(
            f"ALTER TABLE {table.full_name} SET SORTED BY ({', '.join(table.sort_by)})"
        )
