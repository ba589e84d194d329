"""The published file: a plain DuckDB database that anyone can open.

Built aside and renamed into place, so that a reader sees the old file or the new one, whole. One
process builds at a time, under a name of its own, and checks what it has built before renaming.
"""

import os
from collections.abc import Collection
from pathlib import Path

import duckdb

from funding_platform.core.tables.backtests.ledgers import EQUITY, EXPOSURE, LEDGER
from funding_platform.core.tables.collected import RAW_PAYLOADS
from funding_platform.core.tables.marts.increments import INCREMENTS
from funding_platform.core.tables.marts.opportunity_history import OPPORTUNITY_HISTORY
from funding_platform.core.tables.marts.statistics import FUNDING_RATES_RESAMPLED
from funding_platform.core.tables.registry import TABLES
from funding_platform.lake.catalog import LAKE, ever_filled, literal
from funding_platform.lake.connection import connect, stored_tables
from funding_platform.lake.errors import LakeError
from funding_platform.lake.explained import translated
from funding_platform.lake.locks import publish_lock
from funding_platform.lake.profiles.embedded import refuse_read_only
from funding_platform.lake.transaction import one_transaction
from funding_platform.settings import Settings

UNPUBLISHED = (
    *(table.full_name for table in (RAW_PAYLOADS, EQUITY, EXPOSURE, LEDGER, *INCREMENTS)),
    FUNDING_RATES_RESAMPLED.full_name,
    OPPORTUNITY_HISTORY.full_name,
)
"""What would make the file many times as large: answers for the lake's keepers only, the inner
workings of backtests and of the marts, the resampled history, which can be worked out from the
settlements, and what every pair was worth in every hour of three months."""


def publish(settings: Settings) -> dict[str, int]:
    """Copy the tables that exist into ``funding.duckdb``, with their comments.

    Returns
    -------
    dict
        Rows per table.

    Raises
    ------
    LakeMissingError
        If there is no lake yet.
    LakeFullError
        If the disk is full; the old file stays.
    LakeLockedError
        If another process publishes for longer than the timeout.
    LakeReadOnlyError
        If nothing can be written there.
    """
    target = settings.published_file
    refuse_read_only(target.parent)
    connect(settings).close()  # without a lake there is no place for the lock either
    with publish_lock(settings):
        for left in target.parent.glob(f".{target.name}.*"):
            left.unlink()  # of publishers that were killed: the lock's holder is the only one
        aside = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            rows = _build(settings, aside)
            _verify(aside, rows)
            _replace(aside, target)
        except duckdb.Error as error:
            raise translated(error) from error
        finally:
            for path in (aside, aside.with_name(f"{aside.name}.wal")):
                path.unlink(missing_ok=True)
    return rows


def _build(settings: Settings, aside: Path) -> dict[str, int]:
    """Write the file; returns the rows of each table."""
    connection = connect(settings)
    try:
        connection.execute(f"ATTACH {literal(aside)} AS published")
        with one_transaction(connection):
            present = _present(connection)
            filled = ever_filled(connection)  # not before: what was looked at by then is in it
            rows = {name: _copy(connection, name, filled) for name in present}
        connection.execute("DETACH published")
    finally:
        connection.close()
    return rows


def _verify(aside: Path, rows: dict[str, int]) -> None:
    """Open the file as its readers will and count what it holds.

    Raises
    ------
    LakeError
        If it is not what was written: the file in place stays.
    """
    with duckdb.connect(str(aside), read_only=True) as reader:
        for name, expected in rows.items():
            counted = reader.execute(f"SELECT count(*) FROM {name}").fetchone()
            if counted != (expected,):
                raise LakeError(
                    f"{aside} holds {counted} rows of {name}, {expected} were written; "
                    f"the file published before is unharmed",
                    hint="publish again; look after the disk if that fails too",
                )


def _replace(aside: Path, target: Path) -> None:
    """Put the file in place, on disk before under its name, so that no crash shows half of it."""
    for path, then in ((aside, lambda: aside.replace(target)), (target.parent, lambda: None)):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        then()


def _present(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """List the tables to publish that the lake holds; dbt's are absent before its first run."""
    found = stored_tables(connection)
    return [name for name in TABLES if name in found and name not in UNPUBLISHED]


def _copy(connection: duckdb.DuckDBPyConnection, full_name: str, filled: Collection[str]) -> int:
    """Copy one table with its key order and column comments; returns its rows.

    Of one that was never filled the columns are copied: to look for rows takes a hundred times as
    long.
    """
    table = TABLES[full_name]
    may_have_rows = table.view or full_name in filled
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS published.{table.schema}")
    connection.execute(
        f"CREATE TABLE published.{full_name} AS SELECT * FROM {LAKE}.{full_name} "
        f"ORDER BY {', '.join(table.key)} {'' if may_have_rows else 'WITH NO DATA'}"
    )
    connection.execute(f"COMMENT ON TABLE published.{full_name} IS {literal(table.description)}")
    for column in table.columns:
        connection.execute(
            f"COMMENT ON COLUMN published.{full_name}.{column.name} "
            f"IS {literal(column.documentation)}"
        )
    counted = connection.execute(f"SELECT count(*) FROM published.{full_name}").fetchone()
    return int(counted[0]) if counted else 0
