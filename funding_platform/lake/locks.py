"""The inter-process locks: one around every commit, and one each around builds and publishing.

Who holds the commit lock leaves a mark beside it and takes it away again. A mark that is found by
the next holder is that of a process that was killed, or whose transaction failed: what it had
written and not committed goes onto the list of leftovers.
"""

import errno
from collections.abc import Collection
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from threading import local
from types import TracebackType
from typing import Self

import duckdb

from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import from_ms, to_ms
from funding_platform.lake.catalog import METADATA, catalog_file, literal
from funding_platform.lake.errors import LakeFullError, LakeLockedError, LakeReadOnlyError
from funding_platform.lake.extensions import bare_connection
from funding_platform.lake.file_lock import let_go, take
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import CommitLock
from funding_platform.lake.upkeep.leftovers import (
    created_at,
    delete_written_since,
    enlist,
    written_since,
)
from funding_platform.settings import Settings

_MARK = ".writing-"


class ExplainedLock:
    """A lock on a file of the lake, which cannot be taken twice; its failures explain themselves.

    Parameters
    ----------
    name
        The lock's file, in the lake's folder.
    doing
        What its holder does, for the others.
    """

    def __init__(self, settings: Settings, name: str, doing: str) -> None:
        self.settings = settings
        self.path = settings.lake_dir / name
        self._doing = doing
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Wait for the lock.

        Raises
        ------
        LakeLockedError
            If another process holds it for longer than the timeout.
        LakeReadOnlyError
            If nothing can be written beside it.
        """
        seconds = self.settings.lock_timeout_seconds
        try:
            self._descriptor = take(self.path, seconds)
        except TimeoutError as error:
            raise LakeLockedError(
                f"another process has been {self._doing} for over {seconds:g} s "
                f"(lock file {self.path})",
                hint="wait for it to finish; a killed process leaves no lock behind",
            ) from error
        except OSError as error:
            raise _explained(error, self.path) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        descriptor, self._descriptor = self._descriptor, None
        assert descriptor is not None
        let_go(descriptor)


def publish_lock(settings: Settings) -> ExplainedLock:
    """Return the lock around building and renaming the published file."""
    return ExplainedLock(settings, "publish.lock", "publishing")


def build_lock(settings: Settings) -> AbstractContextManager[object]:
    """Return the lock that lets one build of the marts run at a time.

    A second would bring what it saw before the first.
    """
    return profile_of(settings).build_lock()


def copy_lock(settings: Settings) -> ExplainedLock:
    """Return the lock around making and renaming a copy of the catalog."""
    return ExplainedLock(settings, "backup/copy.lock", "copying the catalog")


class FileCommitLock(ExplainedLock):
    """The lock around a commit, with the mark of its holder, who can take it again."""

    @classmethod
    def of(cls, settings: Settings) -> "FileCommitLock":
        """Return the lock that this thread holds, or one to be taken."""
        return _HELD.locks.get(settings.lake_dir / "commit.lock") or cls(settings)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "commit.lock", "committing")
        self._depth = 0
        self._mark: Path | None = None

    @property
    def begun(self) -> datetime:
        """When the holder took the lock."""
        assert self._mark is not None
        return from_ms(int(self._mark.name.removeprefix(_MARK)))

    def __enter__(self) -> Self:
        """Wait for the lock, see to what a killed holder left, leave a mark."""
        if self._depth == 0:
            super().__enter__()
            try:
                self._inherit()
                self._mark = self.path.with_name(f"{_MARK}{to_ms(datetime.now(UTC))}")
                self._mark.touch()
            except BaseException as error:
                super().__exit__(type(error), error, None)
                if isinstance(error, OSError):
                    raise _explained(error, self.path) from error
                raise
            _HELD.locks[self.path] = self
        self._depth += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the mark away and let the next one in.

        After an error it stays there: what was written may have to be cleared up.
        """
        self._depth -= 1
        if self._depth == 0:
            if error is None and self._mark is not None:
                self._mark.unlink(missing_ok=True)
            self._mark = None
            del _HELD.locks[self.path]
            super().__exit__(kind, error, trace)

    def refuse_lost(self) -> None:
        """Do nothing: the kernel takes no lock away."""

    def clear_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Delete what a transaction wrote that has been rolled back.

        Its connection tells what was committed after all. Where it cannot, nothing is deleted: the
        lock's next holder will look again.
        """
        try:
            delete_written_since(connection, self.settings, self.begun)
        except duckdb.Error:
            return
        if self._mark is not None and self._depth == 1:
            self._mark.unlink(missing_ok=True)

    def _inherit(self) -> None:
        """List what holders wrote who could not take their mark away."""
        marks = sorted(self.path.parent.glob(f"{_MARK}*"))
        catalog = catalog_file(self.settings)
        if marks and catalog.exists():
            begun = from_ms(int(marks[0].name.removeprefix(_MARK)))
            with closing(bare_connection(self.settings)) as connection:
                try:
                    connection.execute(
                        f"ATTACH {literal(catalog)} AS {METADATA} (TYPE sqlite, READ_ONLY)"
                    )
                    if created_at(connection) < begun:  # a later one would know none of them
                        enlist(self.settings, written_since(connection, self.settings, begun))
                except duckdb.Error:
                    marks = []  # a catalog that cannot be read proves nothing; the marks stay
        for mark in marks:
            mark.unlink(missing_ok=True)


class _Held(local):
    """The commit locks that this thread holds, by file."""

    def __init__(self) -> None:
        self.locks: dict[Path, FileCommitLock] = {}


_HELD = _Held()


def commit_lock(settings: Settings, tables: Collection[Table] | None = None) -> CommitLock:
    """Return the inter-process lock around BEGIN..COMMIT.

    Two overlapping writers on a SQLite catalog fail at COMMIT with "database is locked", and on
    PostgreSQL both may write the same partition; the lock makes them take turns. Readers need none.
    A thread that holds it is given the same again.

    Parameters
    ----------
    tables
        What is to be written; all tables when left out.
    """
    return profile_of(settings).commit_lock(tables)


def _explained(error: OSError, path: Path) -> LakeFullError | LakeReadOnlyError | OSError:
    """Return the lake's own error for one of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LakeFullError(f"no space left beside {path}", hint="free some space")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return LakeReadOnlyError.of(path.parent)
    return error
