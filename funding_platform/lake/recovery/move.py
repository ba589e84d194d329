"""The lake moved from one profile to the other: the same snapshots, the same files, elsewhere.

What is copied is the lake as a whole, so that time travel goes on. The lake that is left stays as
it was. Files are copied first, while others may write, and what came meanwhile under the commit
lock; the catalog takes its place last, once every table there holds the rows that it holds here.
What was stopped can be begun again: files that are there are not copied again.
"""

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb

from funding_platform.lake.connection import attach, bare_connection, refuse_missing
from funding_platform.lake.errors import CatalogSoundError, LakeError
from funding_platform.lake.explained import translated
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import CatalogPlace
from funding_platform.lake.recovery.backup import files_of, table_proofs
from funding_platform.lake.recovery.backups import KeptTable, copied
from funding_platform.settings import Settings

Begin = Callable[[str, int], Callable[[], None]]


class Moved(NamedTuple):
    """What was moved, from where to where."""

    source: str
    target: str
    tables: dict[str, KeptTable]
    files: int
    files_copied: int


def move(settings: Settings, to: Literal["embedded", "cluster"], *, begin: Begin) -> Moved:
    """Copy the lake of the other profile into this one, and prove every table of it equal.

    Parameters
    ----------
    settings
        Where both lakes are.
    to
        The profile of the lake that is made.
    begin
        Announces the steps; see `flows.progress.begin`.

    Raises
    ------
    LakeMissingError
        If there is nothing to move.
    CatalogSoundError
        If there is a lake already where it is to go.
    FileLostError
        If the lake lacks a file that its catalog names.
    LakeError
        If a table does not come out as it is; no catalog was put in place then.
    """
    here, there = (_with_profile(settings, name) for name in (_other(to), to))
    source, target = profile_of(here), profile_of(there)
    refuse_missing(here, "there is nothing to move")
    copies = _copy_files(here, there, source.catalog, begin)
    with (
        commit_lock(here),
        commit_lock(there),
        tempfile.TemporaryDirectory(prefix="funding-move-") as folder,
    ):
        if target.exists():
            raise CatalogSoundError(
                f"there is a lake already at {target.place}; nothing was changed",
                hint="name another place: FUNDING_DATA_DIR, or FUNDING_CATALOG_URL and "
                "FUNDING_DATA_URL",
            )
        catalog = Path(folder) / "catalog.sqlite"
        if fault := source.copy_catalog(catalog):
            raise LakeError(f"the catalog of {source.place} cannot be copied: {fault}")
        copies += _copy_files(here, there, catalog, begin)
        target.take_catalog(catalog)
        kept = _proofs(here, source.catalog, begin)
        made = _proofs(there, target.aside, begin)
        if differing := sorted(name for name in kept if made.get(name) != kept[name]):
            raise LakeError(
                f"{', '.join(differing)} did not come out as they are; no catalog was put in place",
                hint="look after the disks and the bucket, then move again",
            )
        target.put_in_place(target.aside)
    target.keep_copy()
    return Moved(source.place, target.place, kept, len(target.files.listing()), copies)


def _other(profile: Literal["embedded", "cluster"]) -> Literal["embedded", "cluster"]:
    return "embedded" if profile == "cluster" else "cluster"


def _with_profile(settings: Settings, profile: str) -> Settings:
    return Settings(**(settings.model_dump() | {"lake_profile": profile}))


def _copy_files(here: Settings, there: Settings, catalog: CatalogPlace, begin: Begin) -> int:
    """Copy the files that a catalog knows and that are not there yet; returns how many.

    A file that is there has its size: one of half the size was never given its name, or is
    replaced.
    """
    source, target = profile_of(here).files, profile_of(there).files
    present = {file.path: file.size for file in target.listing()}
    missing = [file for file in files_of(here, catalog) if present.get(file.path) != file.size]
    advance = begin("copying files", len(missing))
    for file in missing:
        copied(source, file.path, target)
        advance()
    return len(missing)


def _proofs(settings: Settings, catalog: CatalogPlace, begin: Begin) -> dict[str, KeptTable]:
    with closing(bare_connection(settings)) as connection:
        try:
            attach(connection, settings, read_only=True, catalog=catalog)
            return table_proofs(connection, begin)
        except duckdb.Error as error:
            raise translated(error) from error
