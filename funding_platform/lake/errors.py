"""What can go wrong with the lake.

LakeError
├── LakeMissingError     nothing has been stored yet, or the data folder is another one
├── CatalogLostError     the catalog is gone or damaged, its files are there
├── CatalogOutdatedError the catalog does not know many of the files: an older one was put back
├── CatalogSoundError    nothing has to be rebuilt or put back
├── SchemaOutdatedError  the lake was made by an older version, whose tables were other ones
├── SchemaNewerError     the lake has columns that this version does not declare
├── SchemaUpgradeError   rows of an older lake do not fit what is declared now
├── BackupError          a backup is not there, damaged, or not for this lake
├── FileLostError        a Parquet file that the catalog names is not there
├── ClockJumpedError     the clock is far from the newest commit: nothing is judged by its age
├── LakeReadOnlyError    nothing can be written where the lake lies
├── LakeLockedError      another process holds the catalog or the commit lock for too long
├── LakeUnreachableError the database or the bucket of a cluster does not answer, or refuses
├── CommitConflictError  another commit changed the same rows first; nothing was written
├── DoubledKeysError     what a transaction wrote is there beside other rows of the same keys
├── LakeFullError        no space left where the lake is kept
├── SnapshotExpiredError the lake as it was at a snapshot is not kept any more
├── ExtensionError       the DuckLake extension can be found nowhere
├── InvalidFrameError    a frame broke a rule of its table; nothing was written
├── EmptyFrameError      a replacement without rows, and emptiness was not proven
├── BuildFailedError     a model of the marts could not be built
└── QueryError           a query that is refused, failed, or needed more than it may
    ├── QueryRefusedError    it does more than read
    ├── QueryTimeoutError    too much time, on the clock or of the processor
    ├── QueryMemoryError     too much memory
    ├── QueryTooLargeError   too large an answer
    └── QueryCrashedError    it crashed its process
"""

from pathlib import Path
from typing import Self

from funding_platform.core.errors import FundingError

WAYS_BACK = (
    "nothing was changed. Put the copy of the catalog back (`funding lake restore`), or make a new "
    "one from the files (`funding lake rebuild`); see docs/recovery.md, and docs/cluster.md of a "
    "catalog in PostgreSQL"
)
"""What to do about a lost catalog."""

WAYS_BACK_CLUSTER = (
    "nothing was changed. Put the database back from its keeper's backup, bring the lake back from "
    "one of ours (`funding restore`), or make a new catalog from the files (`funding lake "
    "rebuild`); see docs/cluster.md"
)


class LakeError(FundingError):
    """The lake could not do what it was asked; what it held before is unharmed."""


class LakeMissingError(LakeError):
    """There is no lake at the given place."""


class CatalogLostError(LakeError):
    """The catalog is missing, damaged or not ours, while what it spoke of is still there."""


class CatalogOutdatedError(LakeError):
    """The catalog does not know a good part of the files beside it."""


class CatalogSoundError(LakeError):
    """The catalog can be read: there is nothing to rebuild or to put back."""


class SchemaOutdatedError(LakeError):
    """The lake's tables are those of an older version: nothing is read by halves."""


class SchemaNewerError(LakeError):
    """The lake's tables are those of a newer version, or of another program."""


class SchemaUpgradeError(LakeError):
    """The lake cannot be brought to the declarations; nothing was changed."""


class BackupError(LakeError):
    """A backup cannot be used, or would not be one."""


class FileLostError(LakeError):
    """A Parquet file that the catalog names is missing."""


class ClockJumpedError(LakeError):
    """The clock differs so much from the newest commit that no age can be trusted."""


class LakeReadOnlyError(LakeError):
    """The folder of the lake cannot be written to."""

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return the error for a folder."""
        return cls(
            f"{folder} cannot be written to",
            hint="reading works (`funding query`, `funding doctor`); to write, mount it writable, "
            "give this user the right, or set FUNDING_DATA_DIR to another folder",
        )


class LakeLockedError(LakeError):
    """Another process kept the lake locked for longer than the timeout."""


class LakeUnreachableError(LakeError):
    """The catalog's database or the bucket of the files does not answer, or refuses."""

    @classmethod
    def of_catalog(cls, place: str, said: str) -> Self:
        """Return the error for the database."""
        return cls(
            f"the catalog at {place} cannot be reached: {said}",
            hint="look after the server, FUNDING_CATALOG_URL and what the role may do; whatever "
            "was not committed is undone, so begin again",
        )

    @classmethod
    def of_files(cls, place: str, said: str) -> Self:
        """Return the error for the bucket."""
        return cls(
            f"the files at {place} cannot be reached: {said}",
            hint="look after the server, FUNDING_DATA_URL, FUNDING_S3_ENDPOINT and the key's "
            "rights; whatever was not committed is undone, so begin again",
        )


class CommitConflictError(LakeError):
    """Another commit changed the same rows first; this one was rolled back and can be repeated."""


class DoubledKeysError(LakeError):
    """A transaction would have left several rows of one key; it was rolled back."""


class LakeFullError(LakeError):
    """The disk is full; the transaction was rolled back."""


class SnapshotExpiredError(LakeError):
    """The lake has no snapshot of this id, or no longer."""


class ExtensionError(LakeError):
    """A DuckDB extension is neither installed nor shipped nor downloadable."""


class InvalidFrameError(LakeError):
    """A frame does not satisfy its table's declaration."""


class EmptyFrameError(LakeError):
    """A partition would have been emptied without proof that it is empty."""


class BuildFailedError(LakeError):
    """A model could not be built; the marts are those of the build before, all of them."""


class QueryError(LakeError):
    """A query that a person wrote could not be answered."""


class QueryRefusedError(QueryError):
    """The statement does more than read tables of the lake."""


class QueryTimeoutError(QueryError):
    """The query ran longer than it may."""


class QueryMemoryError(QueryError):
    """The query needed more memory than it may."""


class QueryTooLargeError(QueryError):
    """The answer is larger than it may be."""


class QueryCrashedError(QueryError):
    """The query ended the process that answered it; the caller's is unharmed."""
