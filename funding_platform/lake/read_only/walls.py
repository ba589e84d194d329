"""What a query may not do, whoever wrote it: the walls that stand inside the query's process.

Three, because none is enough alone:

1. only one SELECT (also DESCRIBE, SHOW, SUMMARIZE, FROM-first) is accepted, by parsed statement
   type: ``EXPLAIN ANALYZE COPY …`` writes, and so does ``COPY`` into an allowed directory;
2. only harmless functions and views may be named: ``sqlite_scan`` opens any SQLite file of the
   machine whatever ``enable_external_access`` says, DuckLake's maintenance functions delete
   files from within a SELECT, and DuckDB's configuration can hold credentials;
3. the lake is attached read-only, external access is off but for the lake's own files, and the
   configuration is locked.
"""

import json
import sys
from typing import Any

import duckdb

from funding_platform.lake.catalog import literal
from funding_platform.lake.errors import QueryError, QueryRefusedError
from funding_platform.lake.profiles import profile_of
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

REFUSED_FUNCTIONS = frozenset({"current_setting", "getenv", "write_log"})
"""Scalar functions that tell the configuration or write."""

REFUSED_VIEWS = frozenset(
    {"duckdb_databases", "duckdb_logs", "pg_settings", "pragma_database_list"}
)
"""Built-in views of the configuration, of what was logged, and of where databases lie."""

LONGEST_STATEMENT = 1_000_000
"""Characters."""

_DEEPEST_STATEMENT = 20_000
"""Levels of a parsed statement, which the JSON decoder counts as recursion; a nested SELECT makes
some five of them."""

_SHARE_FOR_DUCKDB = 0.8
"""Of a query's memory: the rest is for what DuckDB does not count, the strings that functions build
and the answer among it."""


def refuse_unless_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Accept one SELECT that names only harmless functions.

    Raises
    ------
    QueryRefusedError
        Naming what the statement is or calls.
    QueryError
        If the text is not SQL.
    """
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1:
            raise QueryRefusedError(
                f"expected one statement, got {len(statements)}", hint="write one SELECT"
            )
        kind = statements[0].type
        if kind != duckdb.StatementType.SELECT:
            raise QueryRefusedError(
                f"{kind.name} is not a reading statement", hint="write a SELECT"
            )
        (tree,) = connection.execute(_serialised(sql)).fetchone() or ("",)
    except (duckdb.OutOfMemoryException, duckdb.FatalException):
        raise
    except duckdb.Error as error:
        raise QueryError(f"the query cannot be parsed: {error}") from error
    parsed = _decoded(tree)
    if parsed["error"]:
        raise QueryRefusedError(
            f"the query cannot be inspected: {parsed['error_message']}", hint="write a plain SELECT"
        )
    named = _named(parsed)
    _refuse("table functions", named["TABLE_FUNCTION"] - READING_FUNCTIONS)
    _refuse("functions", named["FUNCTION"] & REFUSED_FUNCTIONS)
    _refuse("views", named["BASE_TABLE"] & REFUSED_VIEWS)


def lock_down(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, memory: int, threads: int
) -> None:
    """Close every door but the lake's own files, and lock the configuration.

    Parameters
    ----------
    memory
        Bytes that the whole query may take.
    """
    for statement in (
        f"SET memory_limit = '{int(memory * _SHARE_FOR_DUCKDB)}B'",
        f"SET threads = {threads:d}",
        "SET temp_directory = ''",
        "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false",
        f"SET allowed_directories = [{literal(profile_of(settings).files.root)}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)


def _refuse(what: str, names: set[str]) -> None:
    if names:
        raise QueryRefusedError(
            f"{what} not allowed here: {', '.join(sorted(names))}",
            hint="query the lake's tables; for files, use DuckDB on funding.duckdb yourself",
        )


def _serialised(sql: str) -> str:
    """Return the statement that asks for another one's parsed tree.

    Not with a bound parameter: for the first of a process, DuckDB imports pandas where it is
    installed, which takes longer than most queries.
    """
    return f"SELECT system.main.json_serialize_sql({literal(sql)})"


def _decoded(tree: str) -> Any:
    """Decode the serialised statement, however deep within reason."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(_DEEPEST_STATEMENT)
    try:
        return json.loads(tree)
    except RecursionError as error:
        raise QueryRefusedError(
            "the query is nested too deeply to be inspected",
            hint="split it with WITH, or write the inner parts as joins",
        ) from error
    finally:
        sys.setrecursionlimit(usual)


def _named(tree: Any) -> dict[str, set[str]]:
    """Find the table functions, functions and tables that a serialised statement names."""
    found: dict[str, set[str]] = {"TABLE_FUNCTION": set(), "FUNCTION": set(), "BASE_TABLE": set()}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            waiting.extend(node.values())
            match node.get("type"):
                case "TABLE_FUNCTION":
                    found["TABLE_FUNCTION"].add(str(node["function"]["function_name"]).lower())
                case "FUNCTION":
                    found["FUNCTION"].add(str(node["function_name"]).lower())
                case "BASE_TABLE":
                    found["BASE_TABLE"].add(str(node["table_name"]).lower())
    return found
