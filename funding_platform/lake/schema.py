"""The tables that the lake has, against those that are declared.

What an older lake lacks is added where that touches no row; anything else waits for somebody to say
`funding upgrade`, and until then the lake is refused rather than read by halves.
"""

from collections import defaultdict
from collections.abc import Sequence

import duckdb

from funding_platform.core.plain_text import first_few
from funding_platform.core.tables.evolution import (
    Change,
    HeldColumn,
    changes,
    is_current,
    undeclared,
)
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table, Type
from funding_platform.lake.catalog import LAKE, METADATA
from funding_platform.lake.errors import SchemaNewerError, SchemaOutdatedError
from funding_platform.lake.transaction import one_transaction

CREATED_BY_DBT = ("marts",)
"""Schemas whose tables dbt creates; the others are created here."""

OURS = tuple(table for table in TABLES.values() if table.schema not in CREATED_BY_DBT)
"""Tables that are created here."""

SHOWN_CHANGES = 3

_TYPES = {
    "varchar": Type.TEXT,
    "float64": Type.REAL,
    "int64": Type.INTEGER,
    "boolean": Type.FLAG,
    "timestamptz": Type.TIME,
    "list": Type.TEXTS,  # of texts: there is no declaration for another
    "blob": Type.BYTES,
}
"""DuckLake's names of the types that can be declared."""

_COLUMNS = f"""
SELECT schema_name || '.' || table_name, column_name, column_type, nulls_allowed
FROM {METADATA}.ducklake_column AS held
JOIN {METADATA}.ducklake_table AS tables USING (table_id)
JOIN {METADATA}.ducklake_schema AS schemas USING (schema_id)
WHERE held.end_snapshot IS NULL AND tables.end_snapshot IS NULL
  AND schemas.end_snapshot IS NULL AND parent_column IS NULL
ORDER BY column_order
"""
"""From the catalog's own tables: a third of the time that ``duckdb_columns()`` takes."""


def held_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, HeldColumn]]:
    """Read the columns of every table that the lake has, as last committed."""
    held: dict[str, dict[str, HeldColumn]] = defaultdict(dict)
    for table, column, kind, nullable in connection.execute(_COLUMNS).fetchall():
        held[table][column] = HeldColumn(_TYPES.get(kind, kind), bool(nullable))
    return dict(held)


def differences(connection: duckdb.DuckDBPyConnection) -> list[Change]:
    """List what the lake lacks of the declarations.

    Raises
    ------
    SchemaNewerError
        If it has what no declaration knows, or ever knew.
    """
    held = held_tables(connection)
    other = [
        table
        for table in OURS
        if table.full_name not in held or not is_current(table, held[table.full_name])
    ]
    unknown = [said for table in other for said in undeclared(table, held.get(table.full_name, {}))]
    if unknown:
        raise SchemaNewerError(
            f"the lake was written by a newer version of the platform, or by something else: "
            f"{_first(unknown)}. Nothing was read or changed",
            hint="run the version that wrote it, or a later one; FUNDING_DATA_DIR names another "
            "lake",
        )
    return [change for table in other for change in changes(table, held.get(table.full_name))]


def refuse_outdated_schema(found: Sequence[Change], *, read_only: bool) -> None:
    """Refuse an older lake, unless all that it lacks can be added, or are tables not read yet.

    Raises
    ------
    SchemaOutdatedError
        Naming the first changes and the command that makes them.
    """
    missing = [change for change in found if (change.column if read_only else not change.by_itself)]
    if missing:
        raise SchemaOutdatedError(
            f"the lake is an older version's: {_first([str(change) for change in missing])}. "
            "Nothing was read or changed",
            hint="`funding upgrade --dry-run` shows what has to change, `funding upgrade` "
            "changes it",
        )


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection,
    found: Sequence[Change],
    *,
    message: tuple[str, str] | None = None,
) -> None:
    """Make all changes in one commit, or none: an error rolls it back.

    Parameters
    ----------
    message
        Author and text of the commit.
    """
    with one_transaction(connection):
        for schema in dict.fromkeys(table.schema for table in TABLES.values()):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        made = [
            table
            for table in dict.fromkeys(change.table for change in found)
            if _change(connection, table, [one for one in found if one.table == table])
        ]
        if message:
            connection.execute(f"CALL {LAKE}.set_commit_message(?, ?)", list(message))
    for table in made:
        for option, value in table.options:  # refused before the table is committed
            connection.execute(
                f"CALL {LAKE}.set_option(?, ?, schema => ?, table_name => ?)",
                [option, value, table.schema, table.name],
            )


def _change(connection: duckdb.DuckDBPyConnection, table: Table, found: list[Change]) -> bool:
    """Change one table; tells whether it was made anew.

    One without rows is, unless columns are only added: DuckLake requires no column of a table that
    it has no statistics of.
    """
    new = not found[0].column
    if not new and not all(change.by_itself for change in found):
        new = not connection.execute(f"SELECT 1 FROM {table.full_name} LIMIT 1").fetchone()
        if new:
            connection.execute(f"DROP TABLE {table.full_name}")
    if new:
        create_table(connection, table)
        return True
    for change in found:
        for statement in change.statements:
            connection.execute(statement)
    return False


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create one declared table with its file layout."""
    connection.execute(table.ddl())
    if table.partition_by:
        connection.execute(
            f"ALTER TABLE {table.full_name} SET PARTITIONED BY ({', '.join(table.partition_by)})"
        )
    if table.sort_by:
        connection.execute(
            f"ALTER TABLE {table.full_name} SET SORTED BY ({', '.join(table.sort_by)})"
        )


def _first(said: Sequence[str]) -> str:
    """Join the first of several remarks."""
    return first_few(said, SHOWN_CHANGES, separator="; ", joint="; and ")
