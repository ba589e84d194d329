"""Opening the lake: DuckDB in memory, the DuckLake attached as its default database.

Where catalog and files are is the profile's to say. Paths in the catalog are relative to the data
path given on attach, so both can be moved.
"""

from datetime import UTC, datetime

import duckdb

from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import LAKE as LAKE
from funding_platform.lake.catalog import METADATA, literal, refuse_foreign
from funding_platform.lake.catalog import catalog_file as catalog_file
from funding_platform.lake.catalog import files_dir as files_dir
from funding_platform.lake.errors import WAYS_BACK, CatalogLostError, LakeError, LakeMissingError
from funding_platform.lake.explained import translated
from funding_platform.lake.extensions import bare_connection as bare_connection
from funding_platform.lake.extensions import load_extension as load_extension
from funding_platform.lake.locks import commit_lock as commit_lock
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import CatalogPlace
from funding_platform.lake.schema import (
    bring_up_to_date,
    differences,
    refuse_outdated_schema,
)
from funding_platform.settings import Settings

ROW_GROUP_ROWS = 10_240
"""Rows per Parquet row group: small enough that one symbol's rows are found without the rest."""


def connect(
    settings: Settings | None = None,
    *,
    read_only: bool = True,
    as_of: datetime | int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB connection with the lake as its default database.

    Parameters
    ----------
    settings
        Where the lake lies; from the environment when not given.
    read_only
        False to write. Writing code should prefer `lake.writer.Lake`, which takes the lock.
    as_of
        The lake as it was: a UTC instant, or a snapshot id.

    Raises
    ------
    LakeMissingError
        If nothing has been stored yet and the connection is read-only.
    CatalogLostError
        If the catalog is gone or damaged, while the files that it spoke of are there.
    LakeReadOnlyError
        If it is opened for writing where nothing can be written.
    LakeLockedError
        If another process keeps the catalog locked.
    SchemaOutdatedError
        If an older version made it, and it has to be upgraded first.
    SchemaNewerError
        If a newer version has upgraded it.
    """
    settings = settings or Settings()
    profile = profile_of(settings)
    there = profile.found()
    if not read_only and as_of is None:
        profile.refuse_read_only()
    if not there:
        if read_only or as_of is not None:
            raise LakeMissingError(
                f"there is no lake at {profile.place}",
                hint="collect something first (`make demo`, `funding collect`), or set "
                "FUNDING_DATA_DIR to the folder that holds `lake`",
            )
        create(settings)
    connection = bare_connection(settings)
    try:
        attach(connection, settings, read_only=read_only, as_of=as_of)
        if as_of is None:  # the lake as it was has the columns that it had
            _bring_up_to_date(connection, settings, read_only=read_only)
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, read_only: bool
) -> None:
    """Add the tables and columns that an older lake lacks, or refuse it."""
    found = differences(connection)
    refuse_outdated_schema(found, read_only=read_only)
    if found and not read_only:
        with commit_lock(settings):
            bring_up_to_date(connection, differences(connection))


def refuse_missing(settings: Settings, hint: str) -> None:
    """Refuse where there is no lake, or where its catalog is lost.

    Raises
    ------
    LakeMissingError
        If there is no lake yet.
    CatalogLostError
        If the files are there and the catalog is not.
    """
    profile = profile_of(settings)
    if not profile.found():
        raise LakeMissingError(f"there is no lake at {profile.place}", hint=hint)


def create(settings: Settings) -> None:
    """Create the catalog with every declared table that dbt does not create.

    It is built aside and renamed into place: a killed process leaves no half-made lake, and of
    two processes that begin at once the second finds the first one's.
    """
    profile = profile_of(settings)
    profile.found()
    profile.refuse_read_only()
    with commit_lock(settings):
        if profile.exists():
            return
        make_catalog(settings, profile.aside)
        profile.put_in_place(profile.aside)


def make_catalog(settings: Settings, catalog: CatalogPlace) -> None:
    """Make an empty catalog in place of ``catalog``, which nobody else knows of yet."""
    profile = profile_of(settings)
    profile.discard(catalog)
    connection = bare_connection(settings)
    try:
        attach(connection, settings, read_only=False, catalog=catalog, new=True)
        bring_up_to_date(connection, differences(connection))
        connection.execute(f"CALL {LAKE}.set_option('parquet_row_group_size', {ROW_GROUP_ROWS})")
    except duckdb.Error as error:
        raise translated(error) from error
    finally:
        connection.close()
    profile.finish(catalog)


def has_table(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Tell whether the lake has a table yet: one of a lake from before may be newer than it.

    Who asks for no row of it is told in a tenth of the time that DuckDB's list of all tables takes.
    """
    try:
        connection.execute(f"SELECT 1 FROM {table.full_name} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


_STORED = f"""
WITH shown AS (SELECT id FROM {LAKE}.current_snapshot())
SELECT schema_name || '.' || name
FROM shown
JOIN (
    SELECT schema_id, table_name AS name, begin_snapshot, end_snapshot
    FROM {METADATA}.ducklake_table
    UNION ALL
    SELECT schema_id, view_name, begin_snapshot, end_snapshot FROM {METADATA}.ducklake_view
) AS stored ON id >= stored.begin_snapshot AND id < coalesce(stored.end_snapshot, id + 1)
JOIN {METADATA}.ducklake_schema AS schemas USING (schema_id)
"""
"""From the catalog's own tables: DuckDB's list of them asks for the size of each."""


def stored_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the full names of all tables and views of the lake, as last committed."""
    return {name for (name,) in connection.execute(_STORED).fetchall()}


def attach(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    read_only: bool,
    as_of: datetime | int | None = None,
    catalog: CatalogPlace | None = None,
    files: str | None = None,
    new: bool = False,
    name: str = LAKE,
) -> None:
    """Attach the lake and make it the default database.

    Parameters
    ----------
    catalog, files
        Another catalog, or another root of files, than the lake's own.
    new
        Make it: else a catalog that is not there, or is not a DuckLake's, is refused.
    name
        What to attach it as.
    """
    read_only = read_only or as_of is not None
    profile = profile_of(settings)
    catalog = catalog or profile.catalog
    where, options = profile.attach_clause(catalog, read_only=read_only)
    options += [f"DATA_PATH {literal(files or profile.files.root)}", "OVERRIDE_DATA_PATH true"]
    if not new:
        options.append("CREATE_IF_NOT_EXISTS false")
    if isinstance(as_of, datetime):
        options.append(f"SNAPSHOT_TIME '{as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f+00}'")
    elif as_of is not None:
        options.append(f"SNAPSHOT_VERSION {as_of:d}")
    if read_only:
        options.append("READ_ONLY")
    try:
        connection.execute(
            f"ATTACH {literal(f'ducklake:{where}')} AS {name} ({', '.join(options)})"
        )
        if not new:
            refuse_foreign(connection, catalog, name)
        connection.execute(f"USE {name}")
    except duckdb.Error as error:
        said = translated(error)
        if type(said) is LakeError:  # it is there, and is neither locked nor on a full disk
            said = CatalogLostError(
                f"the catalog {catalog} cannot be read: {error}", hint=WAYS_BACK
            )
        raise said from error
