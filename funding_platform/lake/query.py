"""Answering a query that a person wrote, without letting it do anything but read the lake.

Three walls, because none is enough alone:

1. only one SELECT (also DESCRIBE, SHOW, SUMMARIZE, FROM-first) is accepted, by parsed statement
   type: ``EXPLAIN ANALYZE COPY …`` writes, and so does ``COPY`` into an allowed directory;
2. only harmless table functions may be called: ``sqlite_scan`` opens any SQLite file of the
   machine whatever ``enable_external_access`` says, and DuckLake's maintenance functions delete
   files from within a SELECT;
3. the lake is attached read-only, external access is off but for the lake's own files, and the
   configuration is locked.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from funding_platform.lake.catalog import literal
from funding_platform.lake.connection import connect, files_dir
from funding_platform.lake.errors import QueryError, QueryRefusedError, QueryTimeoutError
from funding_platform.settings import Settings

READING_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_functions",
        "duckdb_schemas",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "range",
        "snapshots",
        "table_changes",
        "unnest",
    }
)
"""Table functions that read nothing but the lake and their arguments."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Caps on one query. Memory in DuckDB's spelling."""

    seconds: float = 60.0
    memory: str = "1GiB"
    threads: int = 2


def query(
    sql: str,
    settings: Settings | None = None,
    *,
    limits: QueryLimits | None = None,
) -> pl.DataFrame:
    """The answer of one reading statement.

    Raises
    ------
    QueryRefusedError
        If the text is not exactly one SELECT, or calls a table function that is not harmless.
    QueryTimeoutError
        If it runs longer than ``limits.seconds``.
    QueryError
        If DuckDB cannot answer it; the message is DuckDB's.
    """
    settings = settings or Settings()
    limits = limits or QueryLimits()
    refuse_unless_reading(sql)
    connection = connect(settings)
    try:
        _lock_down(connection, settings, limits)
        return _run(connection, sql, limits.seconds)
    finally:
        connection.close()


def refuse_unless_reading(sql: str) -> None:
    """Accept one SELECT that calls only harmless table functions.

    Raises
    ------
    QueryRefusedError
        Naming what the statement is or calls.
    """
    parser = duckdb.connect()
    try:
        statements = parser.extract_statements(sql)
        if len(statements) != 1:
            raise QueryRefusedError(
                f"expected one statement, got {len(statements)}", hint="write one SELECT"
            )
        kind = statements[0].type
        if kind != duckdb.StatementType.SELECT:
            raise QueryRefusedError(
                f"{kind.name} is not a reading statement", hint="write a SELECT"
            )
        (tree,) = parser.execute("SELECT json_serialize_sql(?)", [sql]).fetchone() or ("",)
    except duckdb.Error as error:
        raise QueryError(f"the query cannot be parsed: {error}") from error
    finally:
        parser.close()
    parsed = json.loads(tree)
    if parsed["error"]:
        raise QueryRefusedError(
            f"the query cannot be inspected: {parsed['error_message']}", hint="write a plain SELECT"
        )
    called = set(_table_functions(parsed))
    if refused := sorted(called - READING_FUNCTIONS):
        raise QueryRefusedError(
            f"table functions not allowed here: {', '.join(refused)}",
            hint="query the lake's tables; for files, use DuckDB on funding.duckdb yourself",
        )


def _table_functions(node: Any) -> Iterator[str]:
    """Names of all table functions in a serialised statement, at any depth."""
    if isinstance(node, dict):
        if node.get("type") == "TABLE_FUNCTION":
            yield str(node["function"]["function_name"]).lower()
        for child in node.values():
            yield from _table_functions(child)
    elif isinstance(node, list):
        for child in node:
            yield from _table_functions(child)


def _lock_down(
    connection: duckdb.DuckDBPyConnection, settings: Settings, limits: QueryLimits
) -> None:
    """Close every door but the lake's own files, and lock the configuration."""
    for statement in (
        f"SET memory_limit = '{limits.memory}'",
        f"SET threads = {limits.threads:d}",
        "SET temp_directory = ''",
        "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false",
        f"SET allowed_directories = [{literal(f'{files_dir(settings)}/')}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)


def _run(connection: duckdb.DuckDBPyConnection, sql: str, seconds: float) -> pl.DataFrame:
    """Execute with a time limit."""
    alarm = threading.Timer(seconds, connection.interrupt)
    alarm.start()
    try:
        return connection.execute(sql).pl()
    except duckdb.InterruptException as error:
        raise QueryTimeoutError(
            f"the query ran for more than {seconds:g} s and was stopped",
            hint="filter by venue and time, or raise --timeout",
        ) from error
    except duckdb.Error as error:
        raise QueryError(f"the query failed: {error}") from error
    finally:
        alarm.cancel()
