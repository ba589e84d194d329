"""Plain DuckDB over the lake's own Parquet files: the peer of what reads through the lake.

It lacks what the lake is for (commits that many processes see whole, time travel), and sees rows
that were replaced as well: only for tables whose files hold nothing but their rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from funding_platform.core.tables.schema import Table
from funding_platform.lake.connection import files_dir
from funding_platform.settings import Settings


@contextmanager
def plain_duckdb(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB without a lake, at as many threads as the lake has."""
    with duckdb.connect(config={"threads": settings.lake_threads}) as plain:
        plain.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        yield plain


def bare_files(settings: Settings, table: Table) -> str:
    """Return the Parquet files of a table, as SQL that stands in its place."""
    return f"read_parquet('{files_dir(settings)}/{table.schema}/{table.name}/**/*.parquet')"
