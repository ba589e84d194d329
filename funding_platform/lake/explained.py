"""What DuckDB, DuckLake, SQLite, PostgreSQL and S3 say when something fails, as errors of the lake.

Each of the words below was seen: provoked on a lake of either profile.
"""

import errno
from typing import Final

import duckdb

from funding_platform.core.errors import FundingError
from funding_platform.lake.errors import (
    WAYS_BACK,
    CatalogLostError,
    CommitConflictError,
    FileLostError,
    LakeError,
    LakeFullError,
    LakeLockedError,
    LakeReadOnlyError,
    LakeUnreachableError,
    SnapshotExpiredError,
)


def translated(error: duckdb.Error) -> FundingError:
    """Return the lake's own error for one that DuckDB raised."""
    text = str(error)
    for signs, kind, what, hint in _SAID:
        if any(all(one in text for one in sign) for sign in signs):
            return kind(f"{what}: {text}", hint=hint)
    return LakeError(f"the lake failed: {text}")


_BEGIN_AGAIN: Final = "whatever was not committed is undone, so begin again"

_SAID: Final[tuple[tuple[tuple[tuple[str, ...], ...], type[LakeError], str, str], ...]] = (
    (
        (("database is locked",), ("Could not set lock",)),
        LakeLockedError,
        "the lake's catalog is locked by another process",
        "wait for the other writer, or find it with `fuser data/lake/catalog.sqlite`",
    ),
    (
        (("canceling statement due to lock timeout",), ("canceling statement due to statement",)),
        LakeLockedError,
        "the catalog's database did not answer in the time that it gives itself",
        "something holds its tables, or it is very busy: `SELECT * FROM pg_stat_activity` tells",
    ),
    (
        (("No snapshot found",),),
        SnapshotExpiredError,
        "the lake cannot be read as it was then",
        "snapshots are kept for `funding maintain --keep-days`; `FROM lake.snapshots()` "
        "lists those that are left",
    ),
    (  # of a connection that is gone nothing more is said than that it could not be rolled back
        (
            ("Unable to connect to Postgres",),
            ("server closed the conn",),
            ('Failed to execute query "ROLLBACK"',),
            ("terminating connection due to",),
        ),
        LakeUnreachableError,
        "the catalog's database cannot be reached",
        f"look after the server, FUNDING_CATALOG_URL and what the role may do; {_BEGIN_AGAIN}",
    ),
    (
        (("permission denied for",), ("read-only transaction",)),
        LakeReadOnlyError,
        "the role may only read the catalog",
        "reading works; to write, use a role that owns the catalog's schema",
    ),
    (
        (("Transaction conflict",), ("Exceeded the maximum retry count",)),
        CommitConflictError,
        "another commit came first",
        "begin again: nothing was written",
    ),
    (  # a reader that maintenance overtook: it writes such rows to files
        (("ducklake_inlined_data", "no such table"), ("ducklake_inlined_data", "does not exist")),
        LakeError,
        "rows that the catalog kept itself are not there any more",
        "begin again; if that does not help, they are lost: `funding doctor`, docs/recovery.md",
    ),
    (
        (
            ("disk image is malformed",),
            ("file is not a database",),
            ("Existing DuckLake",),
            ("does not exist - and",),
            ("ducklake_", "no such table"),
            ("ducklake_", "does not exist"),
        ),
        CatalogLostError,
        "the lake's catalog is damaged",
        WAYS_BACK,
    ),
    (
        (("NoSuchBucket",),),
        LakeUnreachableError,
        "the bucket of the files is not there",
        "look after FUNDING_DATA_URL and FUNDING_S3_ENDPOINT; nothing was changed",
    ),
    (
        (
            (".parquet", "No such file"),
            (".parquet", "404 (Not Found)"),
            (".parquet", "HTTP 404"),
            ("No files found",),
        ),
        FileLostError,
        "a file of the lake is gone",
        "put it back from a backup; `funding doctor` lists all that are missing",
    ),
    (
        (("HTTP ", "rror"), ("HTTP ", "s3://")),
        LakeUnreachableError,
        "the bucket of the files cannot be reached",
        "look after the server, FUNDING_DATA_URL, FUNDING_S3_ENDPOINT and the key's rights; "
        f"{_BEGIN_AGAIN}",
    ),
    (
        (("readonly database",),),
        LakeReadOnlyError,
        "the lake cannot be written to",
        "mount its folder writable, or give this user the right",
    ),
    (  # the last is what SQLite says when its write-ahead log cannot grow
        (
            ("No space left on device",),
            (f"errno {errno.ENOSPC}",),
            ("disk is full",),
            ("disk I/O error",),
        ),
        LakeFullError,
        "no space left for the lake (or the disk fails)",
        "what this commit had written is removed again; free some space on the disk. "
        "`funding maintain` also deletes files that no snapshot needs any more",
    ),
)
"""Signs, each of them words that an error has; the first row that fits says what it is."""
