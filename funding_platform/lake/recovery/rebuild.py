"""A way back from a lost catalog: make a new one from what can be read.

Nothing is deleted. The files stay where they are, the catalog that is replaced is kept beside the
new one, and that takes its place once it has been proven.
"""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import duckdb

from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import (
    LAKE,
    ever_filled,
    known_names,
    literal,
    metadata_of,
)
from funding_platform.lake.connection import (
    attach,
    bare_connection,
    make_catalog,
)
from funding_platform.lake.errors import LakeError, LakeMissingError
from funding_platform.lake.explained import translated
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import CatalogPlace
from funding_platform.lake.recovery.lost import lost_catalog, readable_copy
from funding_platform.lake.recovery.rows import (
    BASE,
    NOTHING,
    proof,
    rows_of_base,
    rows_of_files,
)
from funding_platform.lake.schema import OURS
from funding_platform.lake.transaction import one_transaction
from funding_platform.lake.upkeep.leftovers import listed
from funding_platform.settings import Settings

_SEEN = ("observed_at", "last_seen_at", "finished_at", "recorded_at", "available_at")
"""Columns that say when a row was last seen, of which a table has one or none."""


class RebuiltTable(NamedTuple):
    """What a table has after rebuilding, proven equal to what was chosen for it."""

    name: str
    rows: int
    superseded: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was rebuilt, from what, and what could not be read."""

    tables: tuple[RebuiltTable, ...]
    base: CatalogPlace | None
    files_read: int
    files_unreadable: tuple[str, ...]
    kept: str | None


def rebuild(
    settings: Settings, *, force: bool = False, begin: Callable[[str, int], Callable[[], None]]
) -> Rebuilt:
    """Make a new catalog from what can be read: the last catalog or copy, and the files.

    What a catalog or a copy of it says of a table is taken as it is; to it come the rows of files
    that it does not know. Of the rows of one key the one that was seen last is kept. The files are
    read and written again, so that the disk must have room for the tables twice.

    Parameters
    ----------
    force
        Rebuild although the catalog can be read: it is what is begun with then.
    begin
        Announces the steps; see `flows.progress.begin`.

    Raises
    ------
    CatalogSoundError
        If the catalog can be read, and without ``force``.
    LakeMissingError
        If there is nothing to rebuild from.
    LakeFullError
        If the disk is full.
    LakeError
        If a table does not come out as it was chosen: the catalog was not replaced then.
    """
    profile = profile_of(settings)
    with lost_catalog(settings, "rebuild", force=force) as sound:
        base = profile.catalog if sound else readable_copy(settings)
        if base is None and not profile.files.listing():
            raise LakeMissingError(
                f"there is neither a Parquet file nor a copy of the catalog at {profile.place}",
                hint="collect something first (`make demo`, `funding collect`)",
            )
        make_catalog(settings, profile.aside)
        try:
            with closing(bare_connection(settings)) as connection:
                done = _fill(connection, settings, base, profile.aside, begin)
        except duckdb.Error as error:
            raise translated(error) from error
        kept = profile.put_in_place(profile.aside)
    profile.keep_copy()
    return Rebuilt(done.tables, base, done.files_read, done.files_unreadable, kept)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    base: CatalogPlace | None,
    aside: CatalogPlace,
    begin: Callable[[str, int], Callable[[], None]],
) -> Rebuilt:
    """Fill the new catalog table by table."""
    spill = settings.lake_dir / "spill"
    connection.execute(f"SET temp_directory = {literal(spill)}")
    known: set[str] = set()
    if base is not None:
        attach(connection, settings, read_only=True, catalog=base, name=BASE)
        known = known_names(connection, metadata_of(BASE))
    attach(connection, settings, read_only=False, catalog=aside, name=LAKE)
    ignored = known | listed(settings)
    at = profile_of(settings).files
    files = [f"{at.root}{file.path}" for file in at.listing() if file.name not in ignored]
    advance = begin("reading files", len(files))
    readable = {path for path in files if _is_readable(connection, path, advance)}
    advance = begin("rebuilding tables", len(OURS))
    tables = []
    with one_transaction(connection):
        filled = ever_filled(connection, BASE) if base is not None else set()
        for table in OURS:
            folder = f"{at.root}{table.schema}/{table.name}/"
            own = sorted(path for path in readable if path.startswith(folder))
            has_base = table.full_name in filled
            tables.append(_rebuild_table(connection, table, own, has_base=has_base))
            advance()
        connection.execute(f"CALL {LAKE}.set_commit_message('rebuild', 'rebuild: a lost catalog')")
    _prove(connection, tables)
    shutil.rmtree(spill, ignore_errors=True)
    unreadable = tuple(path for path in files if path not in readable)
    return Rebuilt(tuple(tables), base, len(readable), unreadable, None)


def _is_readable(
    connection: duckdb.DuckDBPyConnection, path: str, advance: Callable[[], None]
) -> bool:
    """Tell whether a file is whole: Parquet's footer comes last."""
    try:
        connection.execute(f"SELECT count(*) FROM parquet_schema({literal(path)})")
    except duckdb.Error:
        return False
    finally:
        advance()
    return True


def _rebuild_table(
    connection: duckdb.DuckDBPyConnection, table: Table, files: list[str], *, has_base: bool
) -> RebuiltTable:
    """Choose a table's rows and write them; what was chosen is to be proven."""
    parts = [
        *([rows_of_base(connection, table)] if has_base else []),
        *([rows_of_files(connection, table, files)] if files else []),
    ]
    found = " UNION ALL BY NAME ".join(part for part in parts if part)
    if not found:
        return RebuiltTable(table.full_name, 0, 0, NOTHING)
    seen = next((name for name in _SEEN if name in table.column_names), None)
    order = ([f"{seen} DESC NULLS LAST"] if seen and seen not in table.key else []) + [
        "_born DESC",
        "_version DESC NULLS LAST",
    ]
    columns = ", ".join(table.column_names)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE chosen AS SELECT {columns} FROM ({found}) QUALIFY "
        f"row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {', '.join(order)}) = 1"
    )
    (read,) = connection.execute(f"SELECT count(*) FROM ({found})").fetchone() or (0,)
    chosen = proof(connection, table, "chosen")
    connection.execute(
        f"INSERT INTO {LAKE}.{table.full_name} BY NAME "
        f"SELECT * FROM chosen ORDER BY {', '.join(table.sort_by or table.key)}"
    )
    connection.execute("DROP TABLE chosen")
    return RebuiltTable(table.full_name, chosen[0], read - chosen[0], chosen[1])


def _prove(connection: duckdb.DuckDBPyConnection, tables: list[RebuiltTable]) -> None:
    """Read the new tables as they were committed, and compare them with what was chosen.

    Raises
    ------
    LakeError
        If one differs.
    """
    with one_transaction(connection):  # the catalog is looked at once, not for every table
        for table in (table for table in tables if table.rows):
            held = proof(connection, TABLES[table.name], f"{LAKE}.{table.name}")
            if held != (table.rows, table.fingerprint):
                raise LakeError(
                    f"{table.name} was to hold {table.rows} rows ({table.fingerprint}) and holds "
                    f"{held[0]} ({held[1]}); the catalog was not replaced",
                    hint="look after the disk, then try again: the files are as they were",
                )
