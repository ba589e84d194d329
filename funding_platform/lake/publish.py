"""The published file: a plain DuckDB database that anyone can open.

Built aside and renamed into place, so that a reader sees the old file or the new one, whole.
"""

from pathlib import Path

import duckdb

from funding_platform.core.backtest_tables import EQUITY, EXPOSURE, LEDGER
from funding_platform.core.opportunity_tables import OPPORTUNITY_HISTORY
from funding_platform.core.statistics_tables import FUNDING_RATES_RESAMPLED
from funding_platform.core.tables import RAW_PAYLOADS, TABLES
from funding_platform.lake.connection import LAKE, connect
from funding_platform.lake.errors import translated
from funding_platform.settings import Settings

UNPUBLISHED = (
    *(table.full_name for table in (RAW_PAYLOADS, EQUITY, EXPOSURE, LEDGER)),
    FUNDING_RATES_RESAMPLED.full_name,
    OPPORTUNITY_HISTORY.full_name,
)
"""What would make the file many times as large: answers for the lake's keepers only, the inner
workings of backtests, the resampled history, which can be worked out from the settlements, and
what every pair was worth in every hour of three months."""


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
    """
    target = settings.published_file
    aside = target.with_name(f".{target.name}.new")
    connection = connect(settings)
    try:
        _remove(aside)
        connection.execute(f"ATTACH '{aside}' AS published")
        connection.execute("BEGIN")
        rows = {name: _copy(connection, name) for name in _present(connection)}
        connection.execute("COMMIT")
        connection.execute("DETACH published")
        aside.replace(target)
    except duckdb.Error as error:
        raise translated(error) from error
    finally:
        connection.close()
        _remove(aside)
    return rows


def _present(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Tables to publish that the lake holds; dbt's are absent before its first run."""
    found = connection.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables "
        "WHERE table_catalog = ?",
        [LAKE],
    ).fetchall()
    return [name for name in TABLES if (name,) in found and name not in UNPUBLISHED]


def _copy(connection: duckdb.DuckDBPyConnection, full_name: str) -> int:
    """Copy one table with its key order and column comments; returns its rows."""
    table = TABLES[full_name]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS published.{table.schema}")
    connection.execute(
        f"CREATE TABLE published.{full_name} AS SELECT * FROM {LAKE}.{full_name} "
        f"ORDER BY {', '.join(table.key)}"
    )
    connection.execute(f"COMMENT ON TABLE published.{full_name} IS {_quoted(table.description)}")
    for column in table.columns:
        connection.execute(
            f"COMMENT ON COLUMN published.{full_name}.{column.name} "
            f"IS {_quoted(column.documentation)}"
        )
    counted = connection.execute(f"SELECT count(*) FROM published.{full_name}").fetchone()
    return int(counted[0]) if counted else 0


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _remove(aside: Path) -> None:
    """Drop a half-built file and its write-ahead log."""
    for path in (aside, aside.with_name(f"{aside.name}.wal")):
        path.unlink(missing_ok=True)
