"""Opening the lake to be read, and asking it: what every query of this package rests on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.marts.latest import BUILD_MARTS
from funding_platform.core.tables.schema import Table
from funding_platform.flows.errors import NotBuiltError
from funding_platform.lake.catalog import current_snapshot
from funding_platform.lake.connection import connect, has_table
from funding_platform.lake.explained import translated
from funding_platform.settings import Settings

LISTED_HINT: Final = (
    '`funding query "SELECT DISTINCT venue, venue_symbol, base FROM core.instruments"` lists what '
    "there is"
)
"""What to do about a venue, base or symbol that nothing is stored of."""


def open_lake(
    settings: Settings | None = None, *, as_of: datetime | int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the lake for reading; the parameters and errors are those of ``lake.connect``."""
    return connect(settings, as_of=as_of)


def answer(
    connection: duckdb.DuckDBPyConnection,
    schema: pl.Schema,
    sql: str,
    parameters: Mapping[str, object] | None = None,
) -> pl.DataFrame:
    """Execute a statement; return its rows with exactly the columns and types of the schema.

    A column that was declared after the lake was last written to is null.

    Raises
    ------
    LakeError
        If the statement fails.
    """
    try:
        found = connection.execute(sql, dict(parameters or {})).pl()
    except duckdb.Error as error:
        raise translated(error) from error
    return found.select(
        pl.col(name) if name in found.columns else pl.lit(None).alias(name) for name in schema
    ).cast(schema)


def snapshot_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the version of the lake that the connection shows: the id of its snapshot.

    Raises
    ------
    LakeError
        If the lake cannot be asked.
    """
    try:
        return current_snapshot(connection)
    except duckdb.Error as error:
        raise translated(error) from error


def lake_error(error: duckdb.Error) -> FundingError:
    """Say what DuckDB says as an error of the platform, to who asks it outside this package."""
    return translated(error)


def require_built(connection: duckdb.DuckDBPyConnection, mart: Table) -> None:
    """See that dbt has built a mart.

    Raises
    ------
    NotBuiltError
        If it has not, or not since the mart was declared.
    """
    if not has_table(connection, mart):
        raise NotBuiltError(
            f"there is no {mart.full_name}: the marts have not been built yet", hint=BUILD_MARTS
        )
