"""The lake's catalog as a file: where it lies, whether it is there, which files it knows.

Nothing here opens the catalog from Python. SQLite's locks belong to the process, and whoever
closes the file drops those that DuckDB's own SQLite holds in it: only DuckDB opens it in here,
and what else must (the copies) does so in a process of its own.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

import duckdb

from funding_platform.lake.errors import WAYS_BACK, CatalogLostError
from funding_platform.settings import Settings

LAKE = "lake"
"""The name that the lake is attached under."""


def metadata_of(name: str) -> str:
    """Return the name that DuckLake attaches the catalog of a lake under."""
    return f"__ducklake_metadata_{name}"


METADATA = metadata_of(LAKE)

COPY_NAME = "catalog.backup.sqlite"

_copying = Lock()
_copies: dict[tuple[tuple[str, int, int], ...], Path] = {}
"""Copies of catalogs that lie where nothing can be written, by the state of what was copied."""


def catalog_file(settings: Settings) -> Path:
    """Return the SQLite file of the embedded profile."""
    return settings.lake_dir / "catalog.sqlite"


def files_dir(settings: Settings) -> Path:
    """Return the folder of the Parquet files."""
    return settings.lake_dir / "files"


def copy_file(settings: Settings) -> Path:
    """Return the newest copy of the catalog.

    In a folder of its own: who deletes ``catalog*`` keeps it.
    """
    return settings.lake_dir / "backup" / COPY_NAME


def previous_copy_file(settings: Settings) -> Path:
    """Return the copy before the newest."""
    return copy_file(settings).with_name("catalog.backup.previous.sqlite")


def literal(text: object) -> str:
    """Return ``text`` as an SQL string; a path may hold a quote."""
    return "'" + str(text).replace("'", "''") + "'"


def parquet_files(folder: Path) -> list[Path]:
    """Return every Parquet file below ``folder``."""
    return [path for path in folder.rglob("*.parquet") if path.is_file()]


def readable(catalog: Path) -> Path:
    """Return the catalog, or a copy of it where it lies where nothing can be written.

    SQLite reads a database with a write-ahead log only where it may write beside it. A copy serves
    all openings of a process for as long as the catalog stays as it was, and lies there until the
    process ends: who has opened it may read on.
    """
    if os.access(catalog.parent, os.W_OK):
        return catalog
    files = [catalog, catalog.with_name(f"{catalog.name}-wal")]
    with _copying:
        while True:
            state = tuple(map(_state, files))
            known = _copies.get(state)
            if known is not None and known.exists():  # temporary files go where they get old
                return known
            copied = _copied(files)
            if state == tuple(map(_state, files)):
                _copies[state] = copied
                return copied
            shutil.rmtree(copied.parent, ignore_errors=True)  # a commit came between the two


def _state(file: Path) -> tuple[str, int, int]:
    """Return what tells a file from what it was before."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return str(file), 0, 0
    return str(file), stat.st_size, stat.st_mtime_ns


def _copied(files: Sequence[Path]) -> Path:
    """Copy the files that are there to where one can write; return the first."""
    folder = Path(tempfile.mkdtemp(prefix="funding-catalog-"))
    atexit.register(_remove, folder, os.getpid())
    for path in files:
        with suppress(FileNotFoundError):  # the log goes with the last who has the catalog open
            shutil.copyfile(path, folder / path.name)
    return folder / files[0].name


def _remove(folder: Path, owner: int) -> None:
    """Remove a copy with the process that made it, not with one that was forked from it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_lost(catalog: Path) -> None:
    """Refuse a catalog that is gone or empty while the lake around it is not.

    DuckLake would make a new one in its place, which knows none of the files.

    Raises
    ------
    CatalogLostError
        If the catalog is missing beside Parquet files or a copy of it, or has no content.
    """
    try:
        size = catalog.stat().st_size
    except FileNotFoundError:
        size = None
    if size is None:
        files = catalog.parent / "files"
        held = next((p for p in files.rglob("*.parquet") if p.is_file()), None)
        copy = catalog.parent / "backup" / COPY_NAME
        if held is not None or copy.exists():
            beside = f"{files} holds Parquet files" if held is not None else f"{copy} is there"
            raise CatalogLostError(f"the catalog {catalog} is gone, but {beside}", hint=WAYS_BACK)
    elif size == 0:
        raise CatalogLostError(f"the catalog {catalog} is empty (0 bytes)", hint=WAYS_BACK)


def refuse_foreign(
    connection: duckdb.DuckDBPyConnection, catalog: object, name: str = LAKE
) -> None:
    """Refuse a DuckLake that is attached and is not one of ours, or has no snapshot left.

    Raises
    ------
    CatalogLostError
        Saying which.
    """
    metadata = metadata_of(name)
    snapshots, ours = connection.execute(
        f"SELECT (SELECT count(*) FROM {metadata}.ducklake_snapshot), "
        f"(SELECT count(*) FROM {metadata}.ducklake_schema WHERE schema_name = 'core')"
    ).fetchone() or (0, 0)
    if not snapshots or not ours:
        fault = "has no schema `core`: it is another lake's" if snapshots else "has no snapshots"
        raise CatalogLostError(f"the catalog {catalog} {fault}", hint=WAYS_BACK)


def current_snapshot(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the id of the newest snapshot that the connection's lake shows."""
    found = connection.execute(f"FROM {LAKE}.current_snapshot()").fetchone()
    return int(found[0]) if found else 0


def ever_filled(connection: duckdb.DuckDBPyConnection, name: str = LAKE) -> set[str]:
    """Return the full names of those tables of an attached lake that have ever had rows."""
    metadata = metadata_of(name)
    found = connection.execute(
        f"SELECT schema_name || '.' || table_name FROM {metadata}.ducklake_table_stats "
        f"JOIN {metadata}.ducklake_table AS tables USING (table_id) "
        f"JOIN {metadata}.ducklake_schema AS schemas USING (schema_id) "
        "WHERE tables.end_snapshot IS NULL AND schemas.end_snapshot IS NULL"
    ).fetchall()
    return {str(table) for (table,) in found}


def known_names(
    connection: duckdb.DuckDBPyConnection, metadata: str = METADATA, *, doomed: bool = True
) -> set[str]:
    """Return the names of all files that an attached catalog knows.

    A name is enough: DuckLake makes them of UUIDs.

    Parameters
    ----------
    metadata
        What the catalog is attached as.
    doomed
        Whether to name those too that it has given up and will have deleted.
    """
    tables = ("data_file", "delete_file", *(("files_scheduled_for_deletion",) if doomed else ()))
    found = connection.execute(
        " UNION ALL ".join(f"SELECT path FROM {metadata}.ducklake_{table}" for table in tables)
    ).fetchall()
    return {Path(path).name for (path,) in found}
