"""The lake brought back from a backup, into a folder that is empty or has lost its catalog."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import duckdb

from funding_platform.lake.catalog import catalog_file, files_dir, known_names, parquet_files
from funding_platform.lake.connection import (
    attach,
    bare_connection,
    let_readers_read_while_others_write,
)
from funding_platform.lake.errors import BackupError, translated
from funding_platform.lake.recovery.backup import table_proofs
from funding_platform.lake.recovery.backups import (
    BackupFolder,
    KeptFile,
    KeptTable,
    Manifest,
    copied,
    digest_of,
)
from funding_platform.lake.recovery.copies import keep_copy
from funding_platform.lake.recovery.lost import lost_catalog, put_in_place
from funding_platform.settings import Settings


class BroughtBack(NamedTuple):
    """What was brought back, from which backup, and what lay there before."""

    name: str
    manifest: Manifest
    files_copied: int
    files_unknown: int
    kept: Path | None


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
    with lost_catalog(settings, "restore"):
        _refuse_damaged(folder.catalog(chosen), manifest.catalog)
        advance = begin("copying files", len(manifest.files))
        fetched = 0
        for file in manifest.files:
            fetched += _fetch(file, folder.files, files_dir(settings))
            advance()
        aside = catalog_file(settings).with_name(".catalog.sqlite.restored")
        copied(folder.catalog(chosen), aside)
        unknown = _prove(settings, aside, manifest, begin)
        let_readers_read_while_others_write(aside)
        kept = put_in_place(settings, aside)
    keep_copy(settings)
    return BroughtBack(chosen, manifest, fetched, unknown, kept)


def _fetch(file: KeptFile, pool: Path, files: Path) -> bool:
    """Have a file of the backup in the lake; returns whether it was copied for that."""
    there = files / file.path
    if not there.resolve().is_relative_to(files.resolve()):
        raise BackupError(f"the backup names a file outside of the lake: {file.path}")
    if there.exists() and _is_whole(there, file):
        return False
    if not (pool / file.path).exists() or copied(pool / file.path, there) != file.sha256:
        raise _damaged(pool / file.path)
    return True


def _prove(
    settings: Settings,
    catalog: Path,
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
    return sum(path.name not in known for path in parquet_files(files_dir(settings)))


def _equal(held: KeptTable | None, kept: KeptTable, *, fingerprints: bool) -> bool:
    """Compare two tables; under another DuckDB by rows alone, as their files are proven whole."""
    return held is not None and held.rows == kept.rows and (not fingerprints or held == kept)


def _refuse_damaged(path: Path, file: KeptFile) -> None:
    if not path.exists() or not _is_whole(path, file):
        raise _damaged(path)


def _is_whole(path: Path, file: KeptFile) -> bool:
    return path.stat().st_size == file.size and digest_of(path) == file.sha256


def _damaged(path: Path) -> BackupError:
    return BackupError(
        f"{path} is gone or damaged; no catalog was put in place",
        hint="take a backup before it (`--at`), or look after the disk",
    )
