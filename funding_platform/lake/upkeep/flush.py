"""Writing the rows that a catalog holds itself to files."""

import duckdb

from funding_platform.lake.catalog import LAKE, ever_filled
from funding_platform.lake.transaction import one_transaction


def flush(connection: duckdb.DuckDBPyConnection, name: str = LAKE) -> None:
    """Write the rows that an attached catalog holds to files, in one commit.

    Only of tables that ever had any: to look at one of the others takes longer than to flush.
    Several threads corrupt memory meanwhile (DuckDB 1.5.5): with four of them one process in ten
    aborted, with one none did. So the connection has one from now on.
    """
    connection.execute("SET threads = 1")
    with one_transaction(connection):
        for full_name in sorted(ever_filled(connection, name)):
            schema, _, table = full_name.partition(".")
            connection.execute(
                f"CALL ducklake_flush_inlined_data('{name}', schema_name => ?, table_name => ?)",
                [schema, table],
            )
