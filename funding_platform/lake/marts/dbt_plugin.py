"""dbt on the lake: the plugin named in ``dbt_project/profiles.yml``, and the environment it reads.

dbt never writes to the lake. While it builds, the database that it calls ``lake`` is a DuckDB file
of that build (see `lake.marts.build`), beside the lake itself as it was when the build began, for
reading only. When it does not build, it sees the lake as it is, for reading only.

The profile holds nothing that differs between machines or runs: dbt would parse the project anew.
"""

import os
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from funding_platform.core.system.processes import die_with_parent
from funding_platform.lake.catalog import LAKE
from funding_platform.lake.connection import attach, refuse_missing
from funding_platform.lake.extensions import prepare
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.schema import differences, refuse_outdated_schema
from funding_platform.settings import Settings, as_environment

HELD = "held"
"""The name of the lake while ``lake`` is what dbt builds."""

_PARENT = "FUNDING_DBT_PARENT"
_BUILD = "FUNDING_DBT_BUILD"
_SNAPSHOT = "FUNDING_DBT_SNAPSHOT"


class Plugin(BasePlugin):
    """Opens what dbt works on; dbt-duckdb looks the class up by this name."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Choose the database file, and set DuckDB's caps."""
        settings = Settings()
        creds.path = os.environ.get(_BUILD, ":memory:")
        config["threads"] = settings.lake_threads
        config["memory_limit"] = settings.lake_memory_limit
        config["temp_directory"] = str(settings.lake_dir / "spill")

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Tie this process to whoever started it, and attach the lake.

        Raises
        ------
        LakeMissingError
            If there is no lake yet: ATTACH would create an empty one, without our tables.
        ExtensionError
            If an extension can be found nowhere.
        CatalogLostError
            If the files are there and the catalog is not, or it is empty.
        SchemaOutdatedError, SchemaNewerError
            If dbt only reads, and another version wrote the lake; before a build it was seen to.
        """
        if parent := os.environ.get(_PARENT):
            die_with_parent(int(parent))
        settings = Settings()
        refuse_missing(settings, "collect something first (`make demo`, `funding collect`)")
        prepare(conn, profile_of(settings))
        if _BUILD in os.environ:
            attach_held(conn, settings, int(os.environ[_SNAPSHOT]))
        else:
            attach(conn, settings, read_only=True)
            refuse_outdated_schema(differences(conn), read_only=True)


def attach_held(connection: duckdb.DuckDBPyConnection, settings: Settings, snapshot: int) -> None:
    """Attach the lake as it was at a snapshot, beside a database called ``lake``."""
    attach(connection, settings, read_only=True, as_of=snapshot, name=HELD)
    connection.execute(f"USE {LAKE}")


def dbt_environment(
    settings: Settings, *, build: os.PathLike[str] | None = None, snapshot: int | None = None
) -> dict[str, str]:
    """Return the environment variables that the plugin reads.

    Parameters
    ----------
    settings
        Where the lake lies, and DuckDB's caps.
    build, snapshot
        The file that dbt builds in and the state of the lake that it builds from. Without them
        dbt only reads.
    """
    environment = {**as_environment(settings.lake_stated()), _PARENT: str(os.getpid())}
    if build is None:
        return environment
    return {**environment, _BUILD: os.fspath(build), _SNAPSHOT: str(snapshot)}
