"""Bringing an older lake to the declarations: shown first, and in one commit."""

from contextlib import closing
from typing import Final, NamedTuple

import duckdb

from funding_platform.core.tables.evolution import Change
from funding_platform.lake.connection import attach, bare_connection, refuse_missing
from funding_platform.lake.errors import SchemaUpgradeError
from funding_platform.lake.explained import translated
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.schema import bring_up_to_date, differences, refuse_outdated_schema
from funding_platform.settings import Settings

_NO_LAKE: Final = "the first collection makes one, as it is declared now"


class Step(NamedTuple):
    """One change, the rows that get a value by it, and those that do not fit."""

    change: Change
    filled: int
    refused: int


def planned(settings: Settings) -> list[Step]:
    """List what an upgrade would change, in the order in which it would; changes nothing.

    Raises
    ------
    LakeMissingError
        If there is no lake yet.
    CatalogLostError
        If the catalog is gone or damaged.
    SchemaNewerError
        If a newer version has upgraded it.
    """
    refuse_missing(settings, _NO_LAKE)
    with closing(bare_connection(settings)) as connection:
        attach(connection, settings, read_only=True)
        try:
            return _steps(connection)
        except duckdb.Error as error:
            raise translated(error) from error


def upgrade(settings: Settings) -> list[Step]:
    """Change what differs from the declarations, all in one commit; returns what was changed.

    Writers wait meanwhile. What is read in a transaction that has begun stays what it was, and so
    does the lake as of any snapshot from before.

    Raises
    ------
    LakeMissingError
        If there is no lake yet.
    CatalogLostError
        If the catalog is gone or damaged.
    SchemaNewerError
        If a newer version has upgraded it.
    SchemaUpgradeError
        If rows do not fit; nothing was changed then.
    LakeFullError
        If the disk is full.
    """
    refuse_missing(settings, _NO_LAKE)
    profile_of(settings).refuse_read_only()
    with closing(bare_connection(settings)) as connection, commit_lock(settings) as lock:
        attach(connection, settings, read_only=False)
        try:
            steps = _steps(connection)
            _refuse_misfits(steps)
            if steps:
                said = f"upgrade: {len(steps)} changes of tables"
                found = [step.change for step in steps]
                bring_up_to_date(connection, found, message=("upgrade", said))
                refuse_outdated_schema(differences(connection), read_only=True)
        except duckdb.Error as error:
            lock.clear_up(connection)
            raise translated(error) from error
    if steps:
        profile_of(settings).keep_copy()
    return steps


def _steps(connection: duckdb.DuckDBPyConnection) -> list[Step]:
    return [Step(change, *_counted(connection, change)) for change in differences(connection)]


def _counted(connection: duckdb.DuckDBPyConnection, change: Change) -> tuple[int, int]:
    """Count the rows that a change fills, and those that it cannot be made for."""
    if (change.filled, change.refused) == ("false", "false"):
        return 0, 0
    filled, refused = connection.execute(
        f"SELECT count(*) FILTER ({change.filled}), count(*) FILTER ({change.refused}) "
        f"FROM {change.table.full_name}"
    ).fetchone() or (0, 0)
    return int(filled), int(refused)


def _refuse_misfits(steps: list[Step]) -> None:
    """Refuse changes that rows stand against.

    Raises
    ------
    SchemaUpgradeError
        Naming each.
    """
    misfits = [f"{step.change}: {step.refused:,} rows do not fit" for step in steps if step.refused]
    if misfits:
        raise SchemaUpgradeError(
            "the lake cannot be upgraded, nothing was changed:\n  - " + "\n  - ".join(misfits),
            hint="the column's declaration needs a `fill` for rows from before, or stays nullable; "
            "whole numbers above 2^53 are no doubles",
        )
