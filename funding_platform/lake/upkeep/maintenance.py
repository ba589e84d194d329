"""Keeping the lake small: merge hourly files, drop what is too old, delete what nothing needs.

What frees space comes first and writes next to nothing, so that it works on a full disk. What is
deleted is what the catalog itself has given up, and what a killed writer is proven to have left.

It commits in many small steps, and takes the lock anew for each: who has a commit to make waits for
one step, on one table mostly, and not for all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import duckdb

from funding_platform.core.tables.retention import Retention, retentions
from funding_platform.lake.catalog import LAKE, ever_filled
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import LakeFullError
from funding_platform.lake.explained import translated
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.recovery.copies import spare_file
from funding_platform.lake.upkeep.ages import judged
from funding_platform.lake.upkeep.flush import flush
from funding_platform.lake.upkeep.leftovers import remove_listed
from funding_platform.lake.upkeep.outdated import refuse_outdated
from funding_platform.lake.upkeep.savings import SAFETY, bytes_on_disk, snapshot_times
from funding_platform.settings import Settings

_Done = TypeVar("_Done")
_Step = Callable[[], AbstractContextManager[None]]

REWRITTEN = 0.5
"""A file of which a larger share has been deleted is written again without what was."""


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What was done.

    ``rows_dropped`` counts the rows beyond their retention, by table. ``files_unknown`` counts
    files that no snapshot knows and that are not proven to be left over: they stay. The bytes are
    those that the lake took on the disk, measured before and after. ``pause`` says in words what
    makes the clock doubtful, if anything does, and ``vacuum_fault`` why the catalog kept its size.
    """

    rows_dropped: Mapping[str, int]
    snapshots_expired: int
    files_before: int
    files_after: int
    leftovers_removed: int
    files_unknown: int
    bytes_before: int
    bytes_after: int
    pause: str | None
    vacuum_fault: str | None

    @property
    def bytes_won(self) -> int:
        """What the disk has more now; negative where merging wrote what cannot go for a day."""
        return self.bytes_before - self.bytes_after


def maintain(
    settings: Settings, *, keep_days: int, now: datetime | None = None, trust_clock: bool = False
) -> MaintenanceReport:
    """Drop rows beyond their retention and snapshots beyond ``keep_days``; merge files.

    Time travel reaches back as far as snapshots are kept; until then their files stay, those of
    dropped rows included. Snapshots of the last day are kept whatever ``keep_days`` says: a
    reader in a transaction would lose rows without an error.

    Parameters
    ----------
    now
        Another time than the clock's.
    trust_clock
        Count ages by the clock, however long ago the newest commit is.

    Raises
    ------
    LakeMissingError
        If there is no lake yet.
    CatalogLostError
        If the catalog is gone or damaged.
    CatalogOutdatedError
        If it does not know a good part of the files: an older one was put back.
    ClockJumpedError
        If the newest commit is so long ago that the clock must be asked about first.
    LakeLockedError
        If another process commits for longer than the timeout.
    LakeFullError
        If the disk is full and what could be freed is not enough to merge.
    """
    profile = profile_of(settings)
    bytes_before = bytes_on_disk(settings)
    with closing(_with_room(settings, lambda: connect(settings, read_only=False))) as connection:
        step = partial(_step, settings, connection)
        with step():
            clock = judged(snapshot_times(connection), now or datetime.now(UTC), trust_clock)
            unknown = refuse_outdated(connection, settings)
            before = _data_files(connection)
            removed = remove_listed(connection, settings, clock.time - SAFETY)
            kept = clock.time - max(SAFETY, timedelta(days=keep_days))
            expired = _with_room(settings, lambda: _free(connection, kept, clock.time - SAFETY))
        rules = retentions(
            settings.raw_retention_days,
            settings.hourly_snapshot_days,
            settings.live_minute_days,
        )
        dropped = _drop_old(connection, rules, clock.time, step)
        _compact(connection, step)
        with step():
            after = _data_files(connection)
    fault = profile.give_room_back()
    profile.keep_copy()
    return MaintenanceReport(
        dropped,
        expired,
        before,
        after,
        removed,
        len(unknown),
        bytes_before,
        bytes_on_disk(settings),
        clock.pause,
        fault,
    )


@contextmanager
def _step(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Hold the commit lock for one step, and clear up after one that fails."""
    with commit_lock(settings) as lock:
        try:
            yield
        except duckdb.Error as error:
            lock.clear_up(connection)
            raise translated(error) from error


def _free(connection: duckdb.DuckDBPyConnection, kept: datetime, scheduled: datetime) -> int:
    """Expire snapshots and delete what the catalog gave up long enough ago; only it is written."""
    expired = connection.execute(
        f"CALL ducklake_expire_snapshots('{LAKE}', older_than => ?)", [kept]
    ).fetchall()
    connection.execute(f"CALL ducklake_cleanup_old_files('{LAKE}', older_than => ?)", [scheduled])
    return len(expired)


def _drop_old(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Retention], time: datetime, step: _Step
) -> dict[str, int]:
    """Drop old rows; returns how many by table."""
    dropped = {}
    for rule in rules:
        table = rule.table.full_name
        with step():
            found = connection.execute(
                f"DELETE FROM {table} WHERE {rule.doomed}", {"before": time - rule.age}
            ).fetchone()
        dropped[table] = int(found[0]) if found else 0
    return dropped


def _compact(connection: duckdb.DuckDBPyConnection, step: _Step) -> None:
    """Write what is inline to files, files anew of which little is left, and small ones as one."""
    with step():
        _drop_unreadable(connection)
        flush(connection)
        tables = sorted(ever_filled(connection))
    for full_name in tables:
        with step():
            if full_name in ever_filled(connection):  # it may be dropped between two steps
                _merge(connection, *full_name.split("."))


def _merge(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    """Write the files of a table anew of which little is left, and small ones as one."""
    for work, more in (
        ("ducklake_rewrite_data_files", f", delete_threshold => {REWRITTEN}"),
        ("ducklake_merge_adjacent_files", ""),
    ):
        connection.execute(f"CALL {work}('{LAKE}', ?, schema => ?{more})", [table, schema])


def _with_room(settings: Settings, work: Callable[[], _Done]) -> _Done:
    """Do what frees space; where the catalog cannot grow by a page, the spare file makes room."""
    try:
        return work()
    except (duckdb.Error, LakeFullError) as error:
        said = translated(error) if isinstance(error, duckdb.Error) else error
        spare = spare_file(settings)
        if not isinstance(said, LakeFullError) or not spare.exists():
            raise
        spare.unlink()
        return work()


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
    """Count the Parquet files that the newest snapshot reads."""
    counted = connection.execute(f"SELECT sum(file_count) FROM ducklake_table_info('{LAKE}')")
    row = counted.fetchone()
    return int(row[0] or 0) if row else 0
