"""The lake in one folder: the catalog in SQLite beside the Parquet files."""

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import duckdb

from funding_platform.core.system.disks import free_bytes
from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import (
    catalog_file,
    copy_file,
    files_dir,
    parquet_files,
    previous_copy_file,
    readable,
    refuse_lost,
)
from funding_platform.lake.errors import LakeReadOnlyError
from funding_platform.lake.locks import ExplainedLock, FileCommitLock
from funding_platform.lake.profiles.contract import (
    CatalogPlace,
    CommitLock,
    Health,
    LakeFile,
    LakeFiles,
)
from funding_platform.settings import Settings

CONSISTENT_READS = "SET GLOBAL sqlite_disable_multithreaded_scans = true"
"""With several threads DuckDB reads a SQLite table between the smallest and the largest rowid that
it found when the transaction first looked: of a merge that another process commits meanwhile, a
reader sees that the old files are gone and not the new one (DuckDB 1.5.5). Global, because DuckLake
reads its catalog over a connection of its own."""


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files in a folder."""

    folder: Path

    @property
    def root(self) -> str:
        """The folder."""
        return f"{self.folder}/"

    def listing(self, below: str = "") -> list[LakeFile]:
        """List every Parquet file, or those below a folder."""
        return list(_listed(self.folder, below))

    def delete(self, path: str) -> None:
        """Delete a file that is there."""
        (self.folder / path).unlink()

    def reading(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file to read it."""
        return (self.folder / path).open("rb")

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        """Open a new file; it has its name once it is whole and on disk."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.part")
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)


@dataclass(frozen=True, slots=True)
class EmbeddedProfile:
    """One folder, which can be copied anywhere: paths in the catalog are relative to it."""

    settings: Settings

    verifies_keys = False
    """Writers take turns by the same lock that SQLite needs anyway."""

    extensions = ("sqlite_scanner", "ducklake")

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.settings.lake_dir)

    @property
    def files(self) -> LakeFiles:
        """The Parquet files."""
        return LocalFiles(files_dir(self.settings))

    @property
    def catalog(self) -> Path:
        """The SQLite file."""
        return catalog_file(self.settings)

    @property
    def aside(self) -> Path:
        """A hidden file beside the catalog."""
        return self.catalog.with_name(f".{self.catalog.name}.new")

    @property
    def copies(self) -> tuple[Path, ...]:
        """The copy that the last commit left, and one of a day before."""
        return copy_file(self.settings), previous_copy_file(self.settings)

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """See to it that readers see whole commits."""
        connection.execute(CONSISTENT_READS)

    def attach_clause(self, catalog: CatalogPlace, *, read_only: bool) -> tuple[str, list[str]]:
        """Return what is attached for a catalog, and the options for that."""
        return sqlite_clause(self.settings, catalog, read_only=read_only)

    def exists(self) -> bool:
        """Tell whether the catalog is there."""
        return self.catalog.exists()

    def found(self) -> bool:
        """Tell the same; refuse a catalog that is gone or empty while the files are there."""
        refuse_lost(self.catalog)
        return self.exists()

    def refuse_read_only(self) -> None:
        """Refuse to write where nothing can be written: SQLite's own errors do not say so."""
        refuse_read_only(self.settings.lake_dir)

    def discard(self, catalog: CatalogPlace) -> None:
        """Delete a catalog that nobody else knows of, and make the folders."""
        assert isinstance(catalog, Path)
        files_dir(self.settings).mkdir(parents=True, exist_ok=True)
        catalog.unlink(missing_ok=True)

    def finish(self, catalog: CatalogPlace) -> None:
        """Switch a catalog that was just made to a write-ahead log."""
        assert isinstance(catalog, Path)
        let_readers_read_while_others_write(catalog)

    def put_in_place(self, aside: CatalogPlace) -> str | None:
        """Put a catalog in the place of the catalog; returns where that from before is kept."""
        assert isinstance(aside, Path)
        catalog = self.catalog
        kept = catalog.with_name(f"catalog.lost-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite")
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):  # of a lost catalog one may be there without another
                catalog.with_name(catalog.name + suffix).rename(kept.with_name(kept.name + suffix))
        aside.replace(catalog)
        return str(kept) if kept.exists() else None

    def commit_lock(self, tables: Collection[Table] | None) -> CommitLock:
        """Return the lock of every writer: SQLite has one at a time, whatever its tables."""
        return FileCommitLock.of(self.settings)

    def build_lock(self) -> AbstractContextManager[object]:
        """Return the lock that lets one build of the marts run at a time."""
        return ExplainedLock(self.settings, "build.lock", "building the marts")

    def keep_copy(self) -> bool:
        """Leave a copy of the catalog behind."""
        from funding_platform.lake.recovery.copies import keep_copy

        return keep_copy(self.settings)

    def health(self, now: datetime) -> Health:
        """Tell how old the newest copy of the catalog is."""
        copy = copy_file(self.settings)
        if not self.exists():
            return Health(True, "no catalog, no copy of it")
        if not copy.exists():
            return Health(True, "no copy of the catalog yet: whoever commits leaves one")
        age = (now.timestamp() - copy.stat().st_mtime) / 3600
        return Health(True, f"a copy of the catalog, {age:.1f} hours old: {copy}")

    def room(self) -> int | None:
        """Measure what is free on the disk."""
        return free_bytes(self.settings.lake_dir)

    def copy_catalog(self, target: Path) -> str | None:
        """Copy the catalog into a SQLite file as it is at one moment; returns what went wrong."""
        from funding_platform.lake.recovery.copies import copy_catalog

        return copy_catalog(self.settings, target)

    def take_catalog(self, source: Path) -> None:
        """Copy a catalog aside."""
        self.discard(self.aside)
        shutil.copyfile(source, self.aside)
        self.finish(self.aside)

    def catalog_bytes(self) -> int:
        """Measure the catalog, with its log."""
        log = self.catalog.with_name(f"{self.catalog.name}-wal")
        return sum(path.stat().st_size for path in (self.catalog, log) if path.exists())

    def free_bytes(self) -> int | None:
        """Measure the unused room within the catalog; None where it cannot be looked at."""
        from funding_platform.lake.upkeep.vacuum import free_room

        room = free_room(self.settings)
        return room.before if room.fault is None else None

    def give_room_back(self) -> str | None:
        """Give unused room within the catalog back; returns what went wrong."""
        from funding_platform.lake.upkeep.vacuum import WORTH_BYTES, free_room

        return free_room(self.settings, give_back=WORTH_BYTES).fault


def sqlite_clause(
    settings: Settings, catalog: CatalogPlace, *, read_only: bool
) -> tuple[str, list[str]]:
    """Return what is attached for a catalog in a SQLite file, and the options for that."""
    assert isinstance(catalog, Path)
    file = readable(catalog) if read_only else catalog
    return f"sqlite:{file}", [f"META_BUSY_TIMEOUT {settings.lock_timeout_seconds * 1000:.0f}"]


def refuse_read_only(folder: Path) -> None:
    """Refuse to write where nothing can be written.

    Raises
    ------
    LakeReadOnlyError
        Naming the folder.
    """
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(place, os.W_OK):
        raise LakeReadOnlyError.of(place)


def let_readers_read_while_others_write(catalog: Path) -> None:
    """Switch the catalog to a write-ahead log, once and for all connections to come.

    With SQLite's default journal a reader that meets a commit gets "database is locked" (seen
    once in some thousand reads beside four writers on a loaded machine).
    """
    with closing(sqlite3.connect(catalog)) as database:
        database.execute("PRAGMA journal_mode = WAL")


def _listed(folder: Path, below: str) -> Iterator[LakeFile]:
    for path in parquet_files(folder / below):
        with suppress(FileNotFoundError):  # it may go meanwhile
            yield LakeFile(str(path.relative_to(folder)), path.stat().st_size)
