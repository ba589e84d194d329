"""What a trader did and holds, as its store was mirrored into the lake."""

from datetime import datetime
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.execution import EVENTS, PERFORMANCE, POSITIONS
from funding_platform.core.tables.schema import Table
from funding_platform.flows.queries.connection import answer
from funding_platform.lake.connection import has_table

_POSITIONS: Final = """
closed_at IS NULL AND state NOT IN ('refused', 'aborted') OR NOT $open
ORDER BY decided_at DESC, pair_id LIMIT $limit
"""
_PERFORMANCE: Final = """
taken_at >= $start AND taken_at < $end AND coalesce(taken_at > $after, true)
ORDER BY taken_at LIMIT $limit
"""
_EVENTS: Final = """
coalesce(pair_id = $pair, true) AND coalesce(event_id < $before, true)
ORDER BY event_id DESC LIMIT $limit
"""


def positions(
    connection: duckdb.DuckDBPyConnection, *, open_only: bool = False, limit: int = 1_000
) -> pl.DataFrame:
    """Read pairs, the last that was decided on first: rows of ``execution.positions``.

    Parameters
    ----------
    open_only
        Those that are held, or being opened or closed.
    """
    return _rows(connection, POSITIONS, _POSITIONS, open=open_only, limit=limit)


def performance(
    connection: duckdb.DuckDBPyConnection,
    start: datetime,
    end: datetime,
    *,
    after: datetime | None = None,
    limit: int = 1_000,
) -> pl.DataFrame:
    """Read what a trader was worth, the oldest first: rows of ``execution.performance``.

    Parameters
    ----------
    start, end
        The window; its end is excluded.
    after
        Where the page before ended.
    """
    asked = {"start": start, "end": end, "after": after, "limit": limit}
    return _rows(connection, PERFORMANCE, _PERFORMANCE, **asked)


def trading_events(
    connection: duckdb.DuckDBPyConnection,
    *,
    pair_id: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> pl.DataFrame:
    """Read what was decided and done, the newest first: rows of ``execution.events``.

    Parameters
    ----------
    before
        The last event of the page before.
    """
    return _rows(connection, EVENTS, _EVENTS, pair=pair_id, before=before, limit=limit)


def _rows(
    connection: duckdb.DuckDBPyConnection, table: Table, condition: str, **asked: object
) -> pl.DataFrame:
    """Read rows of a table; none where the lake is older than its declaration."""
    if not has_table(connection, table):
        return table.empty()
    sql = f"FROM {table.full_name} WHERE {condition}"
    return answer(connection, table.polars_schema, sql, asked)
