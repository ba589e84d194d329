"""Bringing what dbt built from its file into the lake, within a transaction of the caller's.

Tables whose columns are as declared keep their place, and views whose query is the same are left
alone, so that a build adds rows to the catalog only for what it changes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import duckdb

from funding_platform.core.tables.marts.increments import INCREMENTS
from funding_platform.core.tables.marts.opportunity_history import GROWING, Growth
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Column, Table
from funding_platform.lake.catalog import LAKE, literal
from funding_platform.lake.errors import LakeError
from funding_platform.lake.schema import create_table

BUILT = "built"
"""The name under which the file of the build is attached beside the lake."""

_WANTED = "wanted_view"


class _Column(NamedTuple):
    """A column as the lake holds it."""

    name: str
    type: str
    nullable: bool
    comment: str | None

    def shape(self) -> tuple[str, str, bool]:
        """Return all but the comment."""
        return self[:3]


@dataclass(frozen=True, slots=True)
class Held:
    """What the lake is made of before a swap; to ask again for each relation would cost seconds.

    Columns and comments of tables go by ``schema.name``, as do the statements that made the views.
    """

    columns: dict[str, dict[str, _Column]]
    comments: dict[str, str | None]
    views: dict[str, str]


def held_by(connection: duckdb.DuckDBPyConnection) -> Held:
    """Look at the lake of a connection."""
    tables = connection.execute(
        "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() "
        "WHERE database_name = $1 UNION ALL SELECT schema_name || '.' || view_name, comment "
        "FROM duckdb_views() WHERE database_name = $1",
        [LAKE],
    ).fetchall()
    views = connection.execute(
        "SELECT schema_name || '.' || view_name, sql FROM duckdb_views() WHERE database_name = ?",
        [LAKE],
    ).fetchall()
    columns: dict[str, dict[str, _Column]] = {}
    for table, *column in connection.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type, is_nullable, comment "
        "FROM duckdb_columns() WHERE database_name = ? ORDER BY table_oid, column_index",
        [LAKE],
    ).fetchall():
        columns.setdefault(table, {})[column[0]] = _Column(*column)
    return Held(columns, dict(tables), dict(views))


def bring(connection: duckdb.DuckDBPyConnection, held: Held, name: str, query: str) -> None:
    """Bring one relation to the lake: rows of a declared table, the query of any other."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
    table = TABLES.get(name)
    if table is None or table.view:
        _show(connection, held, name, query)
        if table and held.comments.get(name) != table.description:
            connection.execute(f"COMMENT ON VIEW {name} IS {literal(table.description)}")
        return
    columns = held.columns.get(name, {})
    if growth := GROWING.get(name):
        columns = _grow(connection, table, growth, columns)
    elif table in INCREMENTS and not _has_table(connection, table.name):
        if _has_table(connection, f"{table.name}__new"):
            _renew(connection, table)
    else:
        columns = _replace(connection, table, columns)
    if held.comments.get(name) != table.description or not columns:
        connection.execute(f"COMMENT ON TABLE {name} IS {literal(table.description)}")
    for column in table.columns:
        if column.name not in columns or columns[column.name].comment != column.documentation:
            connection.execute(
                f"COMMENT ON COLUMN {name}.{column.name} IS {literal(column.documentation)}"
            )


def _show(connection: duckdb.DuckDBPyConnection, held: Held, name: str, query: str) -> None:
    """Make a view of the query, unless that is what the lake has."""
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {_WANTED} AS {query}")
    (wanted,) = connection.execute(
        "SELECT sql FROM duckdb_views() WHERE view_name = ?", [_WANTED]
    ).fetchall()
    if name in held.views and query_of(held.views[name]) == query_of(wanted[0]):
        return
    if name not in held.views:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")


def query_of(view: str) -> str:
    """Return what a view shows, of the statement that made it."""
    return view.partition(" AS ")[2]


def _replace(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: dict[str, _Column]
) -> dict[str, _Column]:
    """Replace all rows, and the table where its columns are not as declared; columns that stay."""
    if [*map(_Column.shape, columns.values())] == [*map(_shape, table.columns)]:
        connection.execute(f"DELETE FROM {table.full_name}")
    else:
        connection.execute(f"DROP TABLE IF EXISTS {table.full_name}")
        create_table(connection, table)
        columns = {}
    _insert(connection, table, f"{BUILT}.{table.full_name}")
    return columns


def _grow(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    growth: Growth,
    columns: dict[str, _Column],
) -> dict[str, _Column]:
    """Replace rows of the times that were built, and drop those too old; the columns that stay."""
    if columns:
        _widen(connection, table, columns)
    else:
        create_table(connection, table)
    added = f"{BUILT}.{table.full_name}__new"
    time = growth.time
    connection.execute(
        f"DELETE FROM {table.full_name} WHERE {time} IN (SELECT {time} FROM {added})"
    )
    _insert(connection, table, added)
    connection.execute(
        f"DELETE FROM {table.full_name} "
        f"WHERE {time} < (SELECT max({time}) FROM {table.full_name} WHERE {time} <= now()) "
        "- to_days(?)",
        [growth.kept.days],
    )
    return columns


def _has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Tell whether the build has a table of its own: what it kept is a view of what is held."""
    found = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE (database_name, schema_name, table_name) = (?, ?, ?)",
        [BUILT, "marts", name],
    )
    return found.fetchone() is not None


def _renew(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Replace the rows of months that were worked out anew; some may have none any more."""
    connection.execute(
        f"DELETE FROM {table.full_name} WHERE (venue, month) IN "
        f"(SELECT (venue, month) FROM {BUILT}.build.changed_months)"
    )
    _insert(connection, table, f"{BUILT}.{table.full_name}__new")


def _widen(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: dict[str, _Column]
) -> None:
    """Add declared columns to a table whose rows must be kept; they are null in those."""
    missing = [column for column in table.columns if column.name not in columns]
    kept = {_shape(column) for column in table.columns if column not in missing}
    held = {column.shape() for column in columns.values()}
    if held != kept or not all(column.nullable for column in missing):
        raise LakeError(
            f"{table.full_name} of this lake has other columns than are declared: "
            f"{sorted(held)} instead of {sorted(map(_shape, table.columns))}",
            hint="its rows cannot be worked out again: rename it, or bring its columns up to date",
        )
    for column in missing:
        connection.execute(
            f"ALTER TABLE {table.full_name} ADD COLUMN {column.name} {column.type.value}"
        )


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, source: str) -> None:
    connection.execute(
        f"INSERT INTO {table.full_name} BY NAME "
        f"SELECT * FROM {source} ORDER BY {', '.join(table.sort_by or table.key)}"
    )


def _shape(column: Column) -> tuple[str, str, bool]:
    return column.name, column.type.value, column.nullable
