"""The inter-process locks: one around every commit, and one each around builds and publishing.

Who holds the commit lock leaves a mark beside it and takes it away again. A mark that is found by
the next holder is that of a process that was killed, or whose transaction failed: what it had
written and not committed goes onto the list of leftovers.
"""

import errno
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
from filelock import FileLock, Timeout

from funding_platform.core.time_grid import from_ms, to_ms
from funding_platform.lake.catalog import METADATA, catalog_file, literal
from funding_platform.lake.errors import LakeFullError, LakeLockedError, LakeReadOnlyError
from funding_platform.lake.extensions import bare_connection
from funding_platform.lake.leftovers import created_at, enlist, written_since
from funding_platform.settings import Settings

_MARK = ".writing-"


def commit_lock(settings: Settings) -> "CommitLock":
    """The inter-process lock around BEGIN..COMMIT.

    Two overlapping writers on a SQLite catalog fail at COMMIT with "database is locked"; the
    lock makes them take turns. Readers need none. It can be taken again by its holder.
    """
    lock = CommitLock(
        settings.lake_dir / "commit.lock",
        timeout=settings.lock_timeout_seconds,
        is_singleton=True,
    )
    lock.settings = settings
    return lock


def publish_lock(settings: Settings) -> "ExplainedLock":
    """The lock around building and renaming the published file."""
    return ExplainedLock.around(settings, "publish.lock", "publishing")


def build_lock(settings: Settings) -> "ExplainedLock":
    """The lock around a build of the marts: a second would bring what it saw before the first."""
    return ExplainedLock.around(settings, "build.lock", "building the marts")


def copy_lock(settings: Settings) -> "ExplainedLock":
    """The lock around making and renaming a copy of the catalog."""
    return ExplainedLock.around(settings, "backup/copy.lock", "copying the catalog")


class ExplainedLock(FileLock):
    """A file lock whose failures explain themselves."""

    doing = "committing"

    @classmethod
    def around(cls, settings: Settings, name: str, doing: str) -> Self:
        """Return a lock beside the lake, which cannot be taken twice."""
        lock = cls(settings.lake_dir / name, timeout=settings.lock_timeout_seconds)
        lock.doing = doing
        return lock

    def acquire(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        """Wait for the lock.

        Raises
        ------
        LakeLockedError
            If another process holds it for longer than the timeout.
        LakeReadOnlyError
            If nothing can be written beside it.
        """
        try:
            return super().acquire(*args, **kwargs)  # type: ignore[arg-type]
        except Timeout as error:
            raise LakeLockedError(
                f"another process has been {self.doing} for over {self.timeout:g} s "
                f"(lock file {self.lock_file})",
                hint="wait for it to finish; a killed process leaves no lock behind",
            ) from error
        except OSError as error:
            raise _explained(error, Path(self.lock_file)) from error


class CommitLock(ExplainedLock):
    """The lock around a commit, with the mark of its holder."""

    settings: Settings
    _mark: Path | None = None

    @property
    def begun(self) -> datetime:
        """When the holder took the lock."""
        assert self._mark is not None
        return from_ms(int(self._mark.name.removeprefix(_MARK)))

    def acquire(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        """Wait for the lock, see to what a killed holder left, leave a mark."""
        taken = super().acquire(*args, **kwargs)
        if self.lock_counter == 1:
            try:
                self._inherit()
                self._mark = Path(self.lock_file).with_name(f"{_MARK}{to_ms(datetime.now(UTC))}")
                self._mark.touch()
            except OSError as error:
                self.release(force=True)
                raise _explained(error, Path(self.lock_file)) from error
            except BaseException:
                self.release(force=True)
                raise
        return taken

    def release(self, force: bool = False) -> None:
        """Take the mark away and let the next one in."""
        if self._mark is not None and (force or self.lock_counter == 1):
            self._mark.unlink(missing_ok=True)
            self._mark = None
        super().release(force)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self.lock_counter == 1:
            self._mark = None  # and leave it there: what was written may have to be cleared up
        super().__exit__(kind, error, trace)

    def settle(self) -> None:
        """Declare that the transaction has left nothing behind, although it failed."""
        if self._mark is not None and self.lock_counter == 1:
            self._mark.unlink(missing_ok=True)

    def _inherit(self) -> None:
        """List what holders wrote who could not take their mark away."""
        marks = sorted(Path(self.lock_file).parent.glob(f"{_MARK}*"))
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


def _explained(error: OSError, path: Path) -> LakeFullError | LakeReadOnlyError | OSError:
    """The lake's own error for one of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LakeFullError(f"no space left beside {path}", hint="free some space")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return LakeReadOnlyError.of(path.parent)
    return error
