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

import duckdb

from funding_platform.core.time_grid import from_ms
from funding_platform.lake.catalog import METADATA, known_names
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import LakeFile
from funding_platform.settings import Settings

_NAME = re.compile(
    r"ducklake-([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f-]{17}(-delete)?\.parquet"
)


def born(name: str) -> datetime | None:
    """Return when a Parquet file of DuckLake came to be, None for a name of another kind."""
    named = _NAME.fullmatch(name)
    return from_ms(int(named[1] + named[2], 16)) if named else None


def created_at(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Return when the attached catalog was made.

    It says so itself: its schemas are named by UUIDs of version 7, too.
    """
    (made,) = connection.execute(
        f"SELECT min(schema_uuid::VARCHAR) FROM {METADATA}.ducklake_schema "
        "WHERE schema_name = 'core'"
    ).fetchone() or (None,)
    assert isinstance(made, str), "a lake of ours has the schema `core`"
    return from_ms(int(made.replace("-", "")[:12], 16))


def unknown_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[LakeFile]:
    """Return the Parquet files that the attached catalog does not know."""
    known = known_names(connection)
    return [file for file in profile_of(settings).files.listing() if file.name not in known]


def missing_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[str]:
    """Return the names of files that the catalog's snapshots read and that are not there."""
    there = {file.name for file in profile_of(settings).files.listing()}
    return sorted(known_names(connection, doomed=False) - there)


def written_since(
    connection: duckdb.DuckDBPyConnection, settings: Settings, begun: datetime
) -> list[LakeFile]:
    """Return what the holder of the commit lock has written since ``begun`` and not committed."""
    return [
        file
        for file in unknown_files(connection, settings)
        if (birth := born(file.name)) is not None and begun <= birth <= datetime.now(UTC)
    ]


def delete_written_since(
    connection: duckdb.DuckDBPyConnection, settings: Settings, begun: datetime
) -> None:
    """Delete what ``written_since`` returns."""
    for file in written_since(connection, settings, begun):
        profile_of(settings).files.delete(file.path)


def list_file(settings: Settings) -> Path:
    """Return the list of files that are proven to be left over, a name per line."""
    return settings.lake_dir / "leftovers.txt"


def listed(settings: Settings) -> set[str]:
    """Return the names of files that are proven to be left over."""
    try:
        return set(list_file(settings).read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return set()


def enlist(settings: Settings, files: Iterable[LakeFile]) -> None:
    """Add files to the list of those that are left over."""
    names = "".join(f"{one.name}\n" for one in files)
    if names:
        with list_file(settings).open("a", encoding="utf-8") as file:
            file.write(names)


def doomed_leftovers(
    connection: duckdb.DuckDBPyConnection, settings: Settings, before: datetime
) -> list[LakeFile]:
    """Return the files of the list that came to be before an instant.

    One that the catalog knows by now stays, and so does one whose writer may still be at work: a
    child may outlive the process that held the lock for it.
    """
    return [file for file in _left(connection, settings) if _is_older(file, before)]


def remove_listed(
    connection: duckdb.DuckDBPyConnection, settings: Settings, before: datetime
) -> int:
    """Delete the files of the list that came to be before an instant; return how many."""
    if not listed(settings):
        return 0
    left = _left(connection, settings)
    doomed = [file for file in left if _is_older(file, before)]
    for file in doomed:
        profile_of(settings).files.delete(file.path)
    list_file(settings).unlink()
    enlist(settings, (file for file in left if file not in doomed))
    return len(doomed)


def _left(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[LakeFile]:
    names = listed(settings)
    unknown = unknown_files(connection, settings) if names else []
    return [file for file in unknown if file.name in names]


def _is_older(file: LakeFile, before: datetime) -> bool:
    return (birth := born(file.name)) is not None and birth < before
