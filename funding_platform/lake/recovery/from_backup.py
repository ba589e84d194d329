"""The lake brought back from a backup, into a folder that is empty or has lost its catalog."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import duckdb

from funding_platform.lake.catalog import known_names
from funding_platform.lake.connection import attach, bare_connection
from funding_platform.lake.errors import BackupError
from funding_platform.lake.explained import translated
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import CatalogPlace, LakeFiles
from funding_platform.lake.profiles.embedded import LocalFiles
from funding_platform.lake.recovery.backup import table_proofs
from funding_platform.lake.recovery.backups import (
    BackupFolder,
    KeptFile,
    KeptTable,
    Manifest,
    copied,
    digest_of,
)
from funding_platform.lake.recovery.lost import lost_catalog
from funding_platform.settings import Settings


class BroughtBack(NamedTuple):
    """What was brought back, from which backup, and what lay there before."""

    name: str
    manifest: Manifest
    files_copied: int
    files_unknown: int
    kept: str | None


def bring_back(
    settings: Settings,
    source: Path,
    *,
    name: str | None = None,
    begin: Callable[[str, int], Callable[[], None]],
) -> BroughtBack:
    """Bring the lake back from a backup, the newest if none is named.

    Files that are there and whole stay; no file that the backup does not know is touched. The
    catalog takes its place last, once every table holds the rows that the backup was proven by.
    What was stopped can be begun again.

    Raises
    ------
    BackupError
        If there is no such backup, or it is damaged.
    CatalogSoundError
        If there is a lake already.
    LakeReadOnlyError
        If nothing can be written there.
    """
    folder = BackupFolder(source)
    chosen = folder.chosen(name)
    manifest = folder.manifest(chosen)
    profile = profile_of(settings)
    with lost_catalog(settings, "restore"):
        _refuse_damaged(folder.catalog(chosen), manifest.catalog)
        advance = begin("copying files", len(manifest.files))
        fetched = 0
        there = {file.path: file.size for file in profile.files.listing()}
        for file in manifest.files:
            fetched += _fetch(file, folder.pool, profile.files, there)
            advance()
        profile.take_catalog(folder.catalog(chosen))
        unknown = _prove(settings, profile.aside, manifest, begin)
        kept = profile.put_in_place(profile.aside)
    profile.keep_copy()
    return BroughtBack(chosen, manifest, fetched, unknown, kept)


def _fetch(file: KeptFile, pool: LocalFiles, files: LakeFiles, there: dict[str, int]) -> bool:
    """Have a file of the backup in the lake; returns whether it was copied for that."""
    if file.path.startswith("/") or ".." in file.path.split("/"):
        raise BackupError(f"the backup names a file outside of the lake: {file.path}")
    if there.get(file.path) == file.size and digest_of(files, file.path) == file.sha256:
        return False
    source = pool.folder / file.path
    if not source.exists() or copied(pool, file.path, files) != file.sha256:
        raise _damaged(source)
    return True


def _prove(
    settings: Settings,
    catalog: CatalogPlace,
    manifest: Manifest,
    begin: Callable[[str, int], Callable[[], None]],
) -> int:
    """Compare every table with what the backup was proven by; returns the files that are unknown.

    Raises
    ------
    BackupError
        Naming the tables that differ; the catalog is not in place then.
    """
    with closing(bare_connection(settings)) as connection:
        try:
            attach(connection, settings, read_only=True, catalog=catalog)
            held = table_proofs(connection, begin)
            known = known_names(connection)
        except duckdb.Error as error:
            raise translated(error) from error
    comparable = duckdb.__version__ == manifest.duckdb
    differing = [
        name
        for name, kept in manifest.tables.items()
        if not _equal(held.get(name), kept, fingerprints=comparable)
    ]
    if differing or held.keys() != manifest.tables.keys():
        raise BackupError(
            f"{', '.join(differing) or 'the tables'} did not come out as they were backed up; no "
            "catalog was put in place",
            hint="look after the disks, then try again, or take a backup before it (`--at`)",
        )
    return sum(file.name not in known for file in profile_of(settings).files.listing())


def _equal(held: KeptTable | None, kept: KeptTable, *, fingerprints: bool) -> bool:
    """Compare two tables; under another DuckDB by rows alone, as their files are proven whole."""
    return held is not None and held.rows == kept.rows and (not fingerprints or held == kept)


def _refuse_damaged(path: Path, file: KeptFile) -> None:
    if not path.exists() or not _is_whole(path, file):
        raise _damaged(path)


def _is_whole(path: Path, file: KeptFile) -> bool:
    same_size = path.stat().st_size == file.size
    return same_size and digest_of(LocalFiles(path.parent), path.name) == file.sha256


def _damaged(path: Path) -> BackupError:
    return BackupError(
        f"{path} is gone or damaged; no catalog was put in place",
        hint="take a backup before it (`--at`), or look after the disk",
    )
