"""Keeping the lake small: merge hourly files, drop what is too old, delete what nothing needs."""

from dataclasses import dataclass
from datetime import timedelta

import duckdb

from funding_platform.lake.connection import LAKE, commit_lock, connect
from funding_platform.lake.errors import translated
from funding_platform.settings import Settings

_DROP_OLD_PAYLOADS = """
DELETE FROM core.raw_payloads WHERE observed_at < now() - to_days(?) AND (
    body IS NULL
    OR sha256 NOT IN (SELECT sha256 FROM core.raw_payloads WHERE observed_at >= now() - to_days(?))
)
"""
"""A body stays as long as a younger answer refers to it."""

SAFETY = timedelta(days=1)
"""Files younger than this may belong to a transaction that is still running."""


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What was done."""

    payloads_dropped: int
    snapshots_expired: int
    files_before: int
    files_after: int


def maintain(settings: Settings, *, keep_days: int) -> MaintenanceReport:
    """Drop raw payloads beyond their retention and snapshots beyond ``keep_days``; merge files.

    Time travel reaches back as far as snapshots are kept; until then their files stay, those of
    dropped payloads included.

    Raises
    ------
    LakeMissingError
        If there is no lake yet.
    LakeLockedError
        If another process commits for longer than the timeout.
    """
    connection = connect(settings, read_only=False)
    try:
        with commit_lock(settings):
            # Several threads corrupt memory where inlined rows are flushed (DuckDB 1.5.5): with
            # four of them one process in ten aborted, with one none did.
            connection.execute("SET threads = 1")
            before = _data_files(connection)
            kept = settings.raw_retention_days
            dropped = connection.execute(_DROP_OLD_PAYLOADS, [kept, kept]).fetchone()
            _drop_unreadable(connection)
            connection.execute(f"CALL ducklake_flush_inlined_data('{LAKE}')")
            connection.execute(f"CALL ducklake_merge_adjacent_files('{LAKE}')")
            expired = connection.execute(
                f"CALL ducklake_expire_snapshots('{LAKE}', "
                f"older_than => now() - INTERVAL '{keep_days:d} days')"
            ).fetchall()
            for function in ("cleanup_old_files", "delete_orphaned_files"):
                connection.execute(
                    f"CALL ducklake_{function}('{LAKE}', "
                    f"older_than => now() - INTERVAL '{SAFETY.days:d} days')"
                )
            return MaintenanceReport(
                int(dropped[0]) if dropped else 0, len(expired), before, _data_files(connection)
            )
    except duckdb.Error as error:
        raise translated(error) from error
    finally:
        connection.close()


def _drop_unreadable(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the working tables with nested columns that earlier versions kept in the lake.

    DuckLake 1.5.5 keeps a few rows inline, and cannot read a time within a STRUCT again, nor flush
    any other table then. They were worked out by dbt, which keeps them in its own file now.
    """
    nested = connection.execute(
        "SELECT DISTINCT table_name FROM duckdb_columns() JOIN duckdb_tables() "
        "USING (database_name, schema_name, table_name) "
        "WHERE (database_name, schema_name) = (?, 'intermediate') AND data_type LIKE 'STRUCT%'",
        [LAKE],
    ).fetchall()
    for (name,) in nested:
        connection.execute(f"DROP TABLE intermediate.{name}")


def _data_files(connection: duckdb.DuckDBPyConnection) -> int:
    """Parquet files that the newest snapshot reads."""
    counted = connection.execute(f"SELECT sum(file_count) FROM ducklake_table_info('{LAKE}')")
    row = counted.fetchone()
    return int(row[0] or 0) if row else 0
