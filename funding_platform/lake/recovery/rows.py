"""What a catalog and the files hold of a table, as SQL, and a fingerprint of any rows."""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime

import duckdb

from funding_platform.core.tables.evolution import held_value
from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import (
    literal,
)
from funding_platform.lake.connection import (
    connect,
)
from funding_platform.lake.schema import OURS
from funding_platform.lake.transaction import one_transaction
from funding_platform.lake.upkeep.leftovers import born
from funding_platform.settings import Settings

BASE = "base"
"""The name that the catalog to begin with is attached under."""

NOTHING = f"{0:016x}"


def proof(connection: duckdb.DuckDBPyConnection, table: Table, relation: str) -> tuple[int, str]:
    """Return the number of rows and a fingerprint of them in any order."""
    return proof_of_columns(connection, table.column_names, relation)


def proof_of_columns(
    connection: duckdb.DuckDBPyConnection, columns: Iterable[str], relation: str
) -> tuple[int, str]:
    """Do as ``proof``, for a table that may be declared otherwise than it is held.

    DuckLake looks for the statistics of each column of a table without rows, again for each: first
    come the rows, then the columns.
    """
    (rows,) = connection.execute(f"SELECT count(*) FROM {relation}").fetchone() or (0,)
    if not rows:
        return 0, NOTHING
    (rows, total) = connection.execute(
        f"SELECT count(*), coalesce(sum(hash({', '.join(columns)})::HUGEINT), 0) FROM {relation}"
    ).fetchone() or (0, 0)
    return int(rows), f"{int(total) % 2**64:016x}"


def fingerprints(settings: Settings) -> dict[str, tuple[int, str]]:
    """Return rows and fingerprint of every table that is created here."""
    with closing(connect(settings)) as lake, one_transaction(lake):
        return {table.full_name: proof(lake, table, table.full_name) for table in OURS}


def rows_of_base(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Select what the catalog that is begun with says of a table; nothing if it has none."""
    held = _columns(connection, f"DESCRIBE {BASE}.{table.full_name}")
    return _selected(
        table,
        held,
        f"{BASE}.{table.full_name}",
        born=f"(SELECT max(snapshot_time) FROM {BASE}.snapshots())",
        version="NULL",
    )


def rows_of_files(connection: duckdb.DuckDBPyConnection, table: Table, files: list[str]) -> str:
    """Select the rows of files that no delete file has taken out."""
    deletes = [path for path in files if path.endswith("-delete.parquet")]
    data = [path for path in files if path not in set(deletes)]
    if not data:
        return ""
    connection.execute("CREATE OR REPLACE TEMP TABLE births (path VARCHAR, born TIMESTAMPTZ)")
    connection.executemany(
        "INSERT INTO births VALUES (?, ?)",
        [(path, born(path.rpartition("/")[2]) or datetime.fromtimestamp(0, UTC)) for path in data],
    )
    scan = (
        f"read_parquet([{', '.join(map(literal, data))}], union_by_name = true, filename = true, "
        "file_row_number = true, hive_partitioning = false)"
    )
    held = _columns(connection, f"DESCRIBE SELECT * FROM {scan}")
    version = "_ducklake_internal_snapshot_id"
    rows = f"(SELECT scan.*, births.born FROM {scan} AS scan JOIN births ON path = filename)"
    if deletes:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE deleted AS SELECT DISTINCT "
            "parse_filename(file_path) AS name, pos FROM "
            f"read_parquet([{', '.join(map(literal, deletes))}], union_by_name = true)"
        )
        rows = (
            f"(FROM {rows} AS kept ANTI JOIN deleted "
            "ON parse_filename(kept.filename) = name AND file_row_number = pos)"
        )
    return _selected(table, held, rows, born="born", version=version if version in held else "NULL")


def _selected(table: Table, held: set[str], relation: str, *, born: str, version: str) -> str:
    """Select the declared columns, by the names that are held, and what decides between rows."""
    columns = ", ".join(f"{held_value(column, held)} AS {column.name}" for column in table.columns)
    return (
        f"SELECT {columns}, CAST({born} AS TIMESTAMPTZ) AS _born, "
        f"CAST({version} AS BIGINT) AS _version FROM {relation}"
        if held
        else ""
    )


def _columns(connection: duckdb.DuckDBPyConnection, describe: str) -> set[str]:
    """Read the names of the columns of a relation; none where there is no such table."""
    try:
        return {str(name) for name, *_ in connection.execute(describe).fetchall()}
    except duckdb.CatalogException:
        return set()
