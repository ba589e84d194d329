"""What can go wrong with the lake.

LakeError
├── LakeMissingError     nothing has been stored yet, or the data folder is another one
├── LakeLockedError      another process holds the catalog or the commit lock for too long
├── LakeFullError        no space left where the lake is kept
├── SnapshotExpiredError the lake as it was at a snapshot is not kept any more
├── ExtensionError       the DuckLake extension can be found nowhere
├── InvalidFrameError    a frame broke a rule of its table; nothing was written
├── EmptyFrameError      a replacement without rows, and emptiness was not proven
├── BuildFailedError     a model of the marts could not be built
└── QueryError           a query that is refused, failed, or took too long
    ├── QueryRefusedError
    └── QueryTimeoutError
"""

import errno

import duckdb

from funding_platform.core.errors import FundingError


class LakeError(FundingError):
    """The lake could not do what it was asked; what it held before is unharmed."""


class LakeMissingError(LakeError):
    """There is no lake at the given place."""


class LakeLockedError(LakeError):
    """Another process kept the lake locked for longer than the timeout."""


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


def translated(error: duckdb.Error) -> FundingError:
    """The lake's own error for one that DuckDB raised."""
    text = str(error)
    if "database is locked" in text or "Could not set lock" in text:
        return LakeLockedError(
            f"the lake's catalog is locked by another process: {text}",
            hint="wait for the other writer, or find it with `fuser data/lake/catalog.sqlite`",
        )
    if "No snapshot found" in text:
        return SnapshotExpiredError(
            f"the lake cannot be read as it was then: {text}",
            hint="snapshots are kept for `funding maintain --keep-days`; `FROM lake.snapshots()` "
            "lists those that are left",
        )
    # The last is what SQLite says when its write-ahead log cannot grow.
    full = ("No space left on device", f"errno {errno.ENOSPC}", "disk is full", "disk I/O error")
    if any(sign in text for sign in full):
        return LakeFullError(
            f"no space left for the lake (or the disk fails): {text}",
            hint="free some space, or run `funding maintain` to drop files no table needs",
        )
    return LakeError(f"the lake failed: {text}")
