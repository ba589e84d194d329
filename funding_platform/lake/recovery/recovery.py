"""Ways back from a lost catalog: put a copy of it back, or make a new one from the files.

Neither deletes anything. The catalog that is replaced is kept beside the new one, the files stay
where they are, and the new catalog takes its place once it has been proven.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import (
    LAKE,
    catalog_file,
    copy_file,
    files_dir,
    known_names,
    literal,
    metadata_of,
    parquet_files,
)
from funding_platform.lake.connection import (
    OURS,
    attach,
    bare_connection,
    connect,
    let_readers_read_while_others_write,
    make_catalog,
)
from funding_platform.lake.errors import (
    CatalogLostError,
    CatalogSoundError,
    LakeError,
    LakeMissingError,
    translated,
)
from funding_platform.lake.leftovers import born, listed
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.recovery.copies import keep_copy, previous_copy
from funding_platform.settings import Settings

_BASE = "base"
"""The name that the catalog to begin with is attached under."""

_SEEN = ("observed_at", "last_seen_at", "finished_at", "recorded_at", "available_at")
"""Columns that say when a row was last seen, of which a table has one or none."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A copy that was put back: which, its newest commit, how many files it does not know."""

    copy: Path
    committed_at: datetime
    files_unknown: int
    kept: Path | None


class RebuiltTable(NamedTuple):
    """What a table has after rebuilding, proven equal to what was chosen for it."""

    name: str
    rows: int
    superseded: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was rebuilt, from what, and what could not be read."""

    tables: tuple[RebuiltTable, ...]
    base: Path | None
    files_read: int
    files_unreadable: tuple[Path, ...]
    kept: Path | None


def restore(settings: Settings) -> Restored:
    """Put the newest copy of the catalog back that can be read.

    Raises
    ------
    CatalogSoundError
        If the catalog can be read.
    CatalogLostError
        If no copy can.
    """
    with _lost_catalog(settings, "restore"):
        copy = _readable_copy(settings)
        if copy is None:
            raise CatalogLostError(
                f"there is no copy of the catalog in {copy_file(settings).parent} that can be read",
                hint="make a new one from the files: `funding lake rebuild`",
            )
        aside = catalog_file(settings).with_name(".catalog.sqlite.restored")
        shutil.copyfile(copy, aside)
        let_readers_read_while_others_write(aside)
        kept = _put_in_place(settings, aside)
        with closing(connect(settings)) as lake:
            known = known_names(lake)
            (newest,) = lake.execute(
                f"SELECT max(snapshot_time) FROM {LAKE}.snapshots()"
            ).fetchone() or (None,)
    files = parquet_files(files_dir(settings))
    assert isinstance(newest, datetime)
    return Restored(copy, newest, sum(path.name not in known for path in files), kept)


def rebuild(
    settings: Settings, *, force: bool = False, begin: Callable[[str, int], Callable[[], None]]
) -> Rebuilt:
    """Make a new catalog from what can be read: the last catalog or copy, and the files.

    What a catalog or a copy of it says of a table is taken as it is; to it come the rows of files
    that it does not know. Of the rows of one key the one that was seen last is kept. The files are
    read and written again, so that the disk must have room for the tables twice.

    Parameters
    ----------
    force
        Rebuild although the catalog can be read: it is what is begun with then.
    begin
        Announces the steps; see `flows.progress.begin`.

    Raises
    ------
    CatalogSoundError
        If the catalog can be read, and without ``force``.
    LakeMissingError
        If there is nothing to rebuild from.
    LakeFullError
        If the disk is full.
    LakeError
        If a table does not come out as it was chosen: the catalog was not replaced then.
    """
    with _lost_catalog(settings, "rebuild", force=force) as sound:
        base = catalog_file(settings) if sound else _readable_copy(settings)
        if base is None and not parquet_files(files_dir(settings)):
            raise LakeMissingError(
                f"there is neither a Parquet file nor a copy of the catalog in {settings.lake_dir}",
                hint="collect something first (`make demo`, `funding collect`)",
            )
        aside = catalog_file(settings).with_name(".catalog.sqlite.rebuilt")
        make_catalog(settings, aside)
        try:
            with closing(bare_connection(settings)) as connection:
                done = _fill(connection, settings, base, aside, begin)
        except duckdb.Error as error:
            raise translated(error) from error
        kept = _put_in_place(settings, aside)
    keep_copy(settings)
    return Rebuilt(done.tables, base, done.files_read, done.files_unreadable, kept)


@contextmanager
def _lost_catalog(settings: Settings, way: str, *, force: bool = False) -> Iterator[bool]:
    """Hold the commit lock over a catalog that is lost; yields whether it can be read."""
    settings.lake_dir.mkdir(parents=True, exist_ok=True)
    with commit_lock(settings):
        sound = _can_be_read(settings, catalog_file(settings))
        if sound and not force:
            raise CatalogSoundError(
                f"the catalog {catalog_file(settings)} can be read: there is nothing to {way}",
                hint="`funding doctor` tells whether files are missing; `funding lake rebuild "
                "--force` takes in files that the catalog does not know",
            )
        yield sound


def _can_be_read(settings: Settings, catalog: Path) -> bool:
    """Whether a catalog is there, is ours, and can be read to the end of its list of files."""
    if not catalog.exists() or not catalog.stat().st_size:
        return False
    with closing(bare_connection(settings)) as connection:
        try:
            attach(connection, settings, read_only=True, catalog=catalog)
            known_names(connection)
        except (CatalogLostError, duckdb.Error):
            return False
    return True


def _readable_copy(settings: Settings) -> Path | None:
    """Return the newest copy of the catalog that can be read."""
    copies = (copy_file(settings), previous_copy(settings))
    return next((copy for copy in copies if _can_be_read(settings, copy)), None)


def _put_in_place(settings: Settings, aside: Path) -> Path | None:
    """Put a catalog in place; returns where the one from before is kept."""
    catalog = catalog_file(settings)
    kept = catalog.with_name(f"catalog.lost-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):  # of a lost catalog one may be there without another
            catalog.with_name(catalog.name + suffix).rename(kept.with_name(kept.name + suffix))
    aside.replace(catalog)
    return kept if kept.exists() else None


def _fill(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    base: Path | None,
    aside: Path,
    begin: Callable[[str, int], Callable[[], None]],
) -> Rebuilt:
    """Fill the new catalog table by table."""
    spill = settings.lake_dir / "spill"
    connection.execute(f"SET temp_directory = {literal(spill)}")
    known: set[str] = set()
    if base is not None:
        attach(connection, settings, read_only=True, catalog=base, name=_BASE)
        known = known_names(connection, metadata_of(_BASE))
    attach(connection, settings, read_only=False, catalog=aside, name=LAKE)
    ignored = known | listed(settings)
    files = [path for path in parquet_files(files_dir(settings)) if path.name not in ignored]
    advance = begin("reading files", len(files))
    readable = {path for path in files if _is_readable(connection, path, advance)}
    advance = begin("rebuilding tables", len(OURS))
    tables = []
    connection.execute("BEGIN")
    filled = _ever_filled(connection) if base is not None else set()
    for table in OURS:
        folder = files_dir(settings) / table.schema / table.name
        own = sorted(path for path in readable if path.is_relative_to(folder))
        has_base = table.full_name in filled
        tables.append(_rebuild_table(connection, table, own, has_base=has_base))
        advance()
    connection.execute(f"CALL {LAKE}.set_commit_message('rebuild', 'rebuild: a lost catalog')")
    connection.execute("COMMIT")
    _prove(connection, tables)
    shutil.rmtree(spill, ignore_errors=True)
    unreadable = tuple(path for path in files if path not in readable)
    return Rebuilt(tuple(tables), base, len(readable), unreadable, None)


def _is_readable(
    connection: duckdb.DuckDBPyConnection, path: Path, advance: Callable[[], None]
) -> bool:
    """Whether a file is whole: Parquet's footer comes last."""
    try:
        connection.execute(f"SELECT count(*) FROM parquet_schema({literal(path)})")
    except duckdb.Error:
        return False
    finally:
        advance()
    return True


def _rebuild_table(
    connection: duckdb.DuckDBPyConnection, table: Table, files: list[Path], *, has_base: bool
) -> RebuiltTable:
    """Choose a table's rows and write them; what was chosen is to be proven."""
    parts = [
        *([_rows_of_base(connection, table)] if has_base else []),
        *([_rows_of_files(connection, table, files)] if files else []),
    ]
    found = " UNION ALL BY NAME ".join(part for part in parts if part)
    if not found:
        return RebuiltTable(table.full_name, 0, 0, _NOTHING)
    seen = next((name for name in _SEEN if name in table.column_names), None)
    order = ([f"{seen} DESC NULLS LAST"] if seen and seen not in table.key else []) + [
        "_born DESC",
        "_version DESC NULLS LAST",
    ]
    columns = ", ".join(table.column_names)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE chosen AS SELECT {columns} FROM ({found}) QUALIFY "
        f"row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {', '.join(order)}) = 1"
    )
    (read,) = connection.execute(f"SELECT count(*) FROM ({found})").fetchone() or (0,)
    chosen = _proof(connection, table, "chosen")
    connection.execute(
        f"INSERT INTO {LAKE}.{table.full_name} BY NAME "
        f"SELECT * FROM chosen ORDER BY {', '.join(table.sort_by or table.key)}"
    )
    connection.execute("DROP TABLE chosen")
    return RebuiltTable(table.full_name, chosen[0], read - chosen[0], chosen[1])


def _prove(connection: duckdb.DuckDBPyConnection, tables: list[RebuiltTable]) -> None:
    """Read the new tables as they were committed, and compare them with what was chosen.

    Raises
    ------
    LakeError
        If one differs.
    """
    connection.execute("BEGIN")  # the catalog is looked at once, not for every table
    for table in (table for table in tables if table.rows):
        held = _proof(connection, TABLES[table.name], f"{LAKE}.{table.name}")
        if held != (table.rows, table.fingerprint):
            raise LakeError(
                f"{table.name} was to hold {table.rows} rows ({table.fingerprint}) and holds "
                f"{held[0]} ({held[1]}); the catalog was not replaced",
                hint="look after the disk, then try again: the files are as they were",
            )
    connection.execute("COMMIT")


_NOTHING = f"{0:016x}"


def _proof(connection: duckdb.DuckDBPyConnection, table: Table, relation: str) -> tuple[int, str]:
    """Return the number of rows and a fingerprint of them in any order."""
    (rows, total) = connection.execute(
        f"SELECT count(*), coalesce(sum(hash({', '.join(table.column_names)})::HUGEINT), 0) "
        f"FROM {relation}"
    ).fetchone() or (0, 0)
    return int(rows), f"{int(total) % 2**64:016x}"


def fingerprints(settings: Settings) -> dict[str, tuple[int, str]]:
    """Return rows and fingerprint of every table that is created here."""
    with closing(connect(settings)) as lake:
        lake.execute("BEGIN")
        return {table.full_name: _proof(lake, table, table.full_name) for table in OURS}


def _ever_filled(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of the tables that the catalog that is begun with has ever had rows of."""
    metadata = metadata_of(_BASE)
    found = connection.execute(
        f"SELECT DISTINCT schema_name || '.' || table_name FROM {metadata}.ducklake_table_stats "
        f"JOIN {metadata}.ducklake_table USING (table_id) "
        f"JOIN {metadata}.ducklake_schema USING (schema_id)"
    ).fetchall()
    return {str(name) for (name,) in found}


def _rows_of_base(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Select what the catalog that is begun with says of a table; nothing if it has none."""
    held = _columns(connection, f"DESCRIBE {_BASE}.{table.full_name}")
    return _selected(
        table,
        held,
        f"{_BASE}.{table.full_name}",
        born=f"(SELECT max(snapshot_time) FROM {_BASE}.snapshots())",
        version="NULL",
    )


def _rows_of_files(connection: duckdb.DuckDBPyConnection, table: Table, files: list[Path]) -> str:
    """Select the rows of files that no delete file has taken out."""
    deletes = [path for path in files if path.name.endswith("-delete.parquet")]
    data = [path for path in files if path not in set(deletes)]
    if not data:
        return ""
    connection.execute("CREATE OR REPLACE TEMP TABLE births (path VARCHAR, born TIMESTAMPTZ)")
    connection.executemany(
        "INSERT INTO births VALUES (?, ?)",
        [(str(path), born(path) or datetime.fromtimestamp(0, UTC)) for path in data],
    )
    scan = (
        f"read_parquet([{', '.join(map(literal, data))}], union_by_name = true, filename = true, "
        "file_row_number = true, hive_partitioning = false)"
    )
    held = _columns(connection, f"DESCRIBE SELECT * FROM {scan}")
    version = "_ducklake_internal_snapshot_id"
    rows = f"(SELECT scan.*, births.born FROM {scan} AS scan JOIN births ON path = filename)"
    if deletes:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE deleted AS SELECT DISTINCT "
            "parse_filename(file_path) AS name, pos FROM "
            f"read_parquet([{', '.join(map(literal, deletes))}], union_by_name = true)"
        )
        rows = (
            f"(FROM {rows} AS kept ANTI JOIN deleted "
            "ON parse_filename(kept.filename) = name AND file_row_number = pos)"
        )
    return _selected(table, held, rows, born="born", version=version if version in held else "NULL")


def _selected(table: Table, held: set[str], relation: str, *, born: str, version: str) -> str:
    """Select the declared columns, null where they are not held, and what decides between rows."""
    columns = ", ".join(
        f"CAST({column.name if column.name in held else 'NULL'} AS {column.type.value}) "
        f"AS {column.name}"
        for column in table.columns
    )
    return (
        f"SELECT {columns}, CAST({born} AS TIMESTAMPTZ) AS _born, "
        f"CAST({version} AS BIGINT) AS _version FROM {relation}"
        if held
        else ""
    )


def _columns(connection: duckdb.DuckDBPyConnection, describe: str) -> set[str]:
    """Names of the columns of a relation; none where there is no such table."""
    try:
        return {str(name) for name, *_ in connection.execute(describe).fetchall()}
    except duckdb.CatalogException:
        return set()
