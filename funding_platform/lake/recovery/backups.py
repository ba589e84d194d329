"""What a folder of backups holds: one pool of files, and of each backup a catalog and a manifest.

Files of the lake never change, and are named by UUIDs: a file that several backups know lies there
once. A backup counts from the moment that its folder has its name, which it gets last.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Self

import msgspec

from funding_platform.lake.errors import BackupError
from funding_platform.lake.profiles.contract import LakeFiles
from funding_platform.lake.profiles.embedded import LocalFiles

_MARK = "funding-backup.txt"
_MARK_TEXT = "Backups of a lake, made by `funding backup`; `funding restore` reads them.\n"

_CHUNK = 2**20


class KeptFile(msgspec.Struct, frozen=True):
    """A file of the pool: where it lies in it, its size and its SHA-256."""

    path: str
    size: int
    sha256: str


class KeptTable(msgspec.Struct, frozen=True):
    """The rows of a table and a fingerprint of them, in the columns that the backup has."""

    rows: int
    fingerprint: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup consists of, and how to tell that it still does.

    Fingerprints compare under the version of DuckDB that worked them out: its hash may change.
    """

    snapshot_id: int
    duckdb: str
    catalog: KeptFile
    files: tuple[KeptFile, ...]
    tables: dict[str, KeptTable]


class BackupFolder:
    """A folder of backups.

    Parameters
    ----------
    root
        Where it lies.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.files = self.root / "files"
        self.pool = LocalFiles(self.files)

    @classmethod
    def made(cls, root: Path, *, lake_dir: Path) -> Self:
        """Return the folder, made if it is not there.

        Raises
        ------
        BackupError
            If it holds something else, or lies in the lake.
        """
        folder = cls(root)
        if folder.root.resolve().is_relative_to(lake_dir.resolve()):
            raise BackupError(
                f"{root} lies in the lake itself, with which it would be lost",
                hint="name a folder on another disk",
            )
        folder.root.mkdir(parents=True, exist_ok=True)
        if not (folder.root / _MARK).exists():
            if any(folder.root.iterdir()):
                raise BackupError(
                    f"{root} holds something else than backups; nothing was written",
                    hint="name a folder that is new or empty",
                )
            (folder.root / _MARK).write_text(_MARK_TEXT, encoding="utf-8")
        return folder

    def names(self) -> list[str]:
        """Return the names of the backups, the oldest first; they are times."""
        found = self.root.glob("[0-9]*T[0-9]*Z/manifest.json")
        return sorted(path.parent.name for path in found)

    def catalog(self, name: str) -> Path:
        """Return the catalog of a backup."""
        return self.root / name / "catalog.sqlite"

    def manifest(self, name: str) -> Manifest:
        """Read what a backup consists of.

        Raises
        ------
        BackupError
            If that cannot be read.
        """
        path = self.root / name / "manifest.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Manifest)
        except (OSError, msgspec.MsgspecError) as error:
            raise BackupError(
                f"the backup {path.parent} cannot be read: {error}",
                hint="`funding restore --at` takes one before it: "
                + (", ".join(one for one in self.names() if one != name) or "there is none"),
            ) from error

    def chosen(self, name: str | None) -> str:
        """Return the name of the newest backup, or the given one if there is such a backup.

        Raises
        ------
        BackupError
            If there is none.
        """
        names = self.names()
        if not names or (name is not None and name not in names):
            raise BackupError(
                f"there is no backup {name or ''} in {self.root}".replace("  ", " "),
                hint=f"there are: {', '.join(names)}" if names else "`funding backup` makes one",
            )
        return name or names[-1]

    def known(self) -> dict[str, KeptFile]:
        """Return the files that the backups consist of, by path."""
        every = (self.manifest(name).files for name in self.names())
        return {file.path: file for files in every for file in files}

    def finish(self, aside: Path, name: str, manifest: Manifest) -> None:
        """Write the manifest and give the backup its name: from now on it is one."""
        (aside / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        for path in (aside / "manifest.json", aside / "catalog.sqlite", aside):
            _to_disk(path)
        aside.rename(self.root / name)
        _to_disk(self.root)

    def drop_old(self, keep: int) -> int:
        """Drop all backups but the newest, and the files that no other has; returns how many.

        What killed backups left goes with them.
        """
        for name in self.names()[:-keep]:
            (self.root / name).rename(self.root / f".{name}.new")  # it is none from here on
        for left in self.root.glob(".*.new"):
            shutil.rmtree(left)
        known = self.known()
        unknown = [
            path
            for path in self.files.rglob("*")
            if path.is_file() and str(path.relative_to(self.files)) not in known
        ]
        for path in unknown:
            path.unlink()
        return len(unknown)


def copied(source: LakeFiles, path: str, target: LakeFiles, to: str | None = None) -> str:
    """Copy a file from one place to another; returns its SHA-256.

    Parameters
    ----------
    to
        Its path there, where it is another.
    """
    digest = hashlib.sha256()
    with source.reading(path) as read, target.writing(to or path) as write:
        while chunk := read.read(_CHUNK):
            digest.update(chunk)
            write.write(chunk)
    return digest.hexdigest()


def digest_of(files: LakeFiles, path: str) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with files.reading(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
