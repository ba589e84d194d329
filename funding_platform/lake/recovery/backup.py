"""A backup of the lake on another disk, taken while others write.

The catalog is copied as it is at one moment, then the files that it knows: no file changes, and
none goes before the catalog has given it up for a day. What an earlier backup has is not copied.
"""

import errno
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from funding_platform.lake.catalog import (
    LAKE,
    current_snapshot,
    known_names,
)
from funding_platform.lake.connection import attach, bare_connection, refuse_missing
from funding_platform.lake.errors import BackupError, FileLostError, LakeFullError
from funding_platform.lake.explained import translated
from funding_platform.lake.locks import ExplainedLock
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import CatalogPlace, LakeFile, LakeFiles
from funding_platform.lake.profiles.embedded import LocalFiles
from funding_platform.lake.recovery.backups import (
    BackupFolder,
    KeptFile,
    KeptTable,
    Manifest,
    copied,
    digest_of,
)
from funding_platform.lake.recovery.rows import proof_of_columns
from funding_platform.lake.schema import held_tables
from funding_platform.lake.transaction import one_transaction
from funding_platform.settings import Settings


class BackedUp(NamedTuple):
    """A backup that was made: what it is called, what it holds, what was copied for it."""

    name: str
    manifest: Manifest
    files_copied: int
    bytes_copied: int
    files_dropped: int


def back_up(
    settings: Settings,
    target: Path,
    *,
    keep: int,
    begin: Callable[[str, int], Callable[[], None]],
) -> BackedUp:
    """Make a backup in a folder that may hold older ones, and drop all but the newest ``keep``.

    It is proven before it counts: each table is read to its last row from what was copied. Whatever
    stops it leaves the backups before as they were.

    Parameters
    ----------
    begin
        Announces the steps; see `flows.progress.begin`.

    Raises
    ------
    LakeMissingError
        If there is no lake yet.
    CatalogLostError
        If the catalog is gone or damaged.
    FileLostError
        If the lake lacks a file that its catalog names.
    LakeFullError
        If the disk of the backups is full.
    BackupError
        If the folder is no place for backups, or a table cannot be read from what was copied.
    """
    refuse_missing(settings, "there is nothing to back up yet")
    folder = BackupFolder.made(target, lake_dir=settings.lake_dir)
    # A path that is absolute stays what it is: the lock lies in the folder, which lakes may share.
    with ExplainedLock(settings, str(folder.root / ".lock"), "making a backup there"):
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z"
        aside = folder.root / f".{name}.new"
        aside.mkdir()
        try:
            manifest, news = _filled(settings, folder, aside, begin)
            folder.finish(aside, name, manifest)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise LakeFullError(
                f"no space left in {folder.root}; the backups before are as they were",
                hint="free some space, or keep fewer backups (`--keep`)",
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)  # by now it has its name, or is none
        dropped = folder.drop_old(keep)
    return BackedUp(name, manifest, len(news), sum(file.size for file in news), dropped)


def _filled(
    settings: Settings,
    folder: BackupFolder,
    aside: Path,
    begin: Callable[[str, int], Callable[[], None]],
) -> tuple[Manifest, list[KeptFile]]:
    """Copy the catalog and its files and read them; returns what is kept, and what was copied."""
    catalog = aside / "catalog.sqlite"
    if fault := profile_of(settings).copy_catalog(catalog):
        if "disk is full" in fault:
            raise OSError(errno.ENOSPC, fault)
        raise BackupError(
            f"the catalog cannot be copied: {fault}", hint="`funding doctor` looks after the lake"
        )
    sources = files_of(settings, catalog)
    known = folder.known()
    advance = begin("copying files", len(sources))
    kept, news = [], []
    for source in sources:
        file, is_new = _keep(source, folder, profile_of(settings).files, known)
        kept.append(file)
        if is_new:
            news.append(file)
        advance()
    snapshot, tables = _proven(settings, catalog, folder.pool.root, begin)
    beside = LocalFiles(aside)
    of_catalog = KeptFile(catalog.name, catalog.stat().st_size, digest_of(beside, catalog.name))
    return Manifest(snapshot, duckdb.__version__, of_catalog, tuple(kept), tables), news


def files_of(settings: Settings, catalog: CatalogPlace) -> list[LakeFile]:
    """Return the lake's files that a catalog knows.

    Raises
    ------
    FileLostError
        If one is not there.
    """
    with closing(bare_connection(settings)) as connection:
        attach(connection, settings, read_only=True, catalog=catalog)
        names = known_names(connection, doomed=False)
    there = {file.name: file for file in profile_of(settings).files.listing()}
    if lost := sorted(names - there.keys()):
        raise FileLostError(
            f"{len(lost)} files of the lake are gone, {lost[0]} for one: a copy would lack them",
            hint="`funding doctor` names them; put them back from a backup before, or fetch their "
            "months again with `funding backfill`",
        )
    return [there[name] for name in sorted(names)]


def _keep(
    source: LakeFile, folder: BackupFolder, files: LakeFiles, known: dict[str, KeptFile]
) -> tuple[KeptFile, bool]:
    """Have a file in the pool; returns what is kept, and whether it was copied for that."""
    path, size = source
    there = folder.files / path
    if there.exists() and there.stat().st_size == size:
        if path in known and known[path].size == size:
            return known[path], False
        if (digest := digest_of(folder.pool, path)) == digest_of(files, path):
            return KeptFile(path, size, digest), False  # of a backup that was killed
    return KeptFile(path, size, copied(files, path, folder.pool)), True


def _proven(
    settings: Settings,
    catalog: Path,
    files: str,
    begin: Callable[[str, int], Callable[[], None]],
) -> tuple[int, dict[str, KeptTable]]:
    """Read every table to its last row; returns the snapshot and what each table holds.

    Raises
    ------
    BackupError
        If that fails: it would be no backup.
    """
    with closing(bare_connection(settings)) as connection:
        try:
            attach(connection, settings, read_only=True, catalog=catalog, files=files)
            proofs = table_proofs(connection, begin)
            return current_snapshot(connection), proofs
        except duckdb.Error as error:
            raise BackupError(
                f"what was copied cannot be read: {error}; the backups before are as they were",
                hint="`funding doctor` looks after the lake; look after the disk of the backups",
            ) from translated(error)


def table_proofs(
    connection: duckdb.DuckDBPyConnection, begin: Callable[[str, int], Callable[[], None]]
) -> dict[str, KeptTable]:
    """Read every table that is attached to its last row; returns what each holds."""
    held = held_tables(connection)
    advance = begin("reading tables", len(held))
    proofs = {}
    with one_transaction(connection):
        for name, columns in held.items():
            quoted = (f'"{column}"' for column in columns)
            proofs[name] = KeptTable(*proof_of_columns(connection, quoted, f"{LAKE}.{name}"))
            advance()
    return proofs
