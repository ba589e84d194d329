"""Files that no commit took in: which they are, whose they are, and when they may go.

A file that the catalog does not know may be the half of a transaction that was killed, and it may
be all that is left of a commit whose catalog was lost. What it is cannot be told from the file. So
only what is proven to be the former is ever deleted: files that came to be while one writer held
the commit lock, unknown to the catalog when that writer had ended. Their names are kept in a list.

The name of a file says when it came to be: DuckLake makes it of a UUID of version 7, which begins
with the time in milliseconds. A file's own times change when it is copied.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from funding_platform.core.time_grid import from_ms
from funding_platform.lake.catalog import METADATA, files_dir, known_names, parquet_files
from funding_platform.settings import Settings

if TYPE_CHECKING:
    from funding_platform.lake.locks import CommitLock

_NAME = re.compile(
    r"ducklake-([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f-]{17}(-delete)?\.parquet"
)


def clear_up(connection: duckdb.DuckDBPyConnection, lock: "CommitLock") -> int:
    """Delete what a transaction wrote that has been rolled back; return the number of files.

    Its connection tells what was committed after all. Where it cannot, nothing is deleted: the
    lock's next holder will look again.
    """
    try:
        written = written_since(connection, lock.settings, lock.begun)
    except duckdb.Error:
        return 0
    for path in written:
        path.unlink()
    lock.settle()
    return len(written)


def born(path: Path) -> datetime | None:
    """Return when a Parquet file of DuckLake came to be, None for a name of another kind."""
    named = _NAME.fullmatch(path.name)
    return from_ms(int(named[1] + named[2], 16)) if named else None


def created_at(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Return when the attached catalog was made.

    It says so itself: its schemas are named by UUIDs of version 7, too.
    """
    (made,) = connection.execute(
        f"SELECT min(schema_uuid) FROM {METADATA}.ducklake_schema WHERE schema_name = 'core'"
    ).fetchone() or (None,)
    assert isinstance(made, str), "a lake of ours has the schema `core`"
    return from_ms(int(made.replace("-", "")[:12], 16))


def unknown_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Path]:
    """Return the Parquet files that the attached catalog does not know."""
    known = known_names(connection)
    return [path for path in parquet_files(files_dir(settings)) if path.name not in known]


def missing_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[str]:
    """Return the names of files that the catalog's snapshots read and that are not there."""
    there = {path.name for path in parquet_files(files_dir(settings))}
    return sorted(known_names(connection, doomed=False) - there)


def written_since(
    connection: duckdb.DuckDBPyConnection, settings: Settings, begun: datetime
) -> list[Path]:
    """Return what the holder of the commit lock has written since ``begun`` and not committed."""
    return [
        path
        for path in unknown_files(connection, settings)
        if (birth := born(path)) is not None and begun <= birth <= datetime.now(UTC)
    ]


def list_file(settings: Settings) -> Path:
    """Return the list of files that are proven to be left over, a name per line."""
    return settings.lake_dir / "leftovers.txt"


def listed(settings: Settings) -> set[str]:
    """Return the names of files that are proven to be left over."""
    try:
        return set(list_file(settings).read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return set()


def enlist(settings: Settings, paths: Iterable[Path]) -> None:
    """Add files to the list of those that are left over."""
    names = "".join(f"{path.name}\n" for path in paths)
    if names:
        with list_file(settings).open("a", encoding="utf-8") as file:
            file.write(names)


def doomed_leftovers(
    connection: duckdb.DuckDBPyConnection, settings: Settings, before: datetime
) -> list[Path]:
    """Return the files of the list that came to be before an instant.

    One that the catalog knows by now stays, and so does one whose writer may still be at work: a
    child may outlive the process that held the lock for it.
    """
    return [path for path in _left(connection, settings) if _is_older(path, before)]


def remove_listed(
    connection: duckdb.DuckDBPyConnection, settings: Settings, before: datetime
) -> int:
    """Delete the files of the list that came to be before an instant; return how many."""
    if not listed(settings):
        return 0
    left = _left(connection, settings)
    doomed = [path for path in left if _is_older(path, before)]
    for path in doomed:
        path.unlink()
    list_file(settings).unlink()
    enlist(settings, (path for path in left if path not in doomed))
    return len(doomed)


def _left(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Path]:
    names = listed(settings)
    unknown = unknown_files(connection, settings) if names else []
    return [path for path in unknown if path.name in names]


def _is_older(path: Path, before: datetime) -> bool:
    return (birth := born(path)) is not None and birth < before
