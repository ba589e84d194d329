"""Catalogs between PostgreSQL and SQLite, table by table: both databases hold the same ones.

The rows that a catalog holds itself are of other types in each. They are written to files before.
"""

import re
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb

from funding_platform.lake.catalog import metadata_of
from funding_platform.lake.connection import attach, bare_connection
from funding_platform.lake.explained import translated
from funding_platform.lake.profiles.contract import CatalogPlace, SchemaName
from funding_platform.lake.profiles.postgres import CatalogAddress
from funding_platform.lake.transaction import one_transaction
from funding_platform.lake.upkeep.flush import flush
from funding_platform.settings import Settings

_SOURCE: Final = "source"
_TARGET: Final = "target"

_OF_ROWS: Final = re.compile(r"ducklake_inlined_(data|delete)_\d+.*")
_LIST_OF_THOSE: Final = "ducklake_inlined_data_tables"
"""Tables of rows, and the list of them: DuckLake makes new ones when it needs them."""


def to_sqlite(settings: Settings, source: SchemaName, target: Path) -> None:
    """Make a copy of a cluster's catalog in a file, which is not there yet.

    Nobody may write to the lake meanwhile; rows that the catalog holds are written to its files.
    """
    with closing(bare_connection(settings)) as connection:
        _transfer(connection, settings, source, target)


def from_sqlite(settings: Settings, source: Path, target: SchemaName) -> None:
    """Make a catalog in an empty schema of what a file holds, which is left as it is.

    Rows that it holds itself are written to files of the cluster's lake.
    """
    with (
        tempfile.TemporaryDirectory(prefix="funding-catalog-") as folder,
        closing(bare_connection(settings)) as connection,
    ):
        copy = Path(shutil.copyfile(source, Path(folder) / source.name))
        _transfer(connection, settings, copy, target)


def _transfer(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: CatalogPlace,
    target: CatalogPlace,
) -> None:
    try:
        attach(connection, settings, read_only=False, catalog=source, name=_SOURCE)
        flush(connection, _SOURCE)
        attach(connection, settings, read_only=False, catalog=target, name=_TARGET, new=True)
        schema = target if not isinstance(target, Path) else source
        assert not isinstance(schema, Path)
        connection.execute("USE memory")  # a lake that names are looked up in is being read
        with one_transaction(connection):
            for name in _tables(settings, schema):
                held, made_of = (f"{metadata_of(one)}.{name}" for one in (_SOURCE, _TARGET))
                connection.execute(f"DELETE FROM {made_of}")
                if name != _LIST_OF_THOSE:
                    connection.execute(f"INSERT INTO {made_of} BY NAME FROM {held}")
    except duckdb.Error as error:
        raise translated(error) from error


def _tables(settings: Settings, schema: SchemaName) -> list[str]:
    """Return the names of a catalog's own tables, as PostgreSQL lists them."""
    with CatalogAddress.of(settings).session() as asked:
        asked.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        found = [str(name) for (name,) in asked.fetchall()]
    return sorted(
        name for name in found if name.startswith("ducklake_") and not _OF_ROWS.fullmatch(name)
    )
