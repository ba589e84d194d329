"""dbt on the lake: the plugin named in ``dbt_project/profiles.yml``, and the environment it reads.

dbt-duckdb calls the plugin after it has opened DuckDB and before it attaches the lake, which is
the one moment at which the lake's extensions can be loaded from their wheels.
"""

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from funding_platform.lake.catalog import catalog_file, files_dir, refuse_lost
from funding_platform.lake.errors import LakeMissingError
from funding_platform.lake.extensions import CONSISTENT_READS, EXTENSIONS, load_extension
from funding_platform.settings import Settings


class Plugin(BasePlugin):
    """Prepares DuckDB for the lake; dbt-duckdb looks the class up by this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Remember where the catalog lies."""
        self._catalog = Path(plugin_config["catalog"])

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load the extensions that ATTACH needs.

        Raises
        ------
        LakeMissingError
            If there is no lake yet: ATTACH would create an empty one, without our tables.
        ExtensionError
            If an extension can be found nowhere.
        CatalogLostError
            If the files are there and the catalog is not, or it is empty.
        """
        refuse_lost(self._catalog)
        if not self._catalog.exists():
            raise LakeMissingError(
                f"there is no lake at {self._catalog.parent}",
                hint="collect something first (`make demo`, `funding collect`)",
            )
        for name in EXTENSIONS:
            load_extension(conn, name)
        conn.execute(CONSISTENT_READS)


def dbt_environment(settings: Settings, *, run_id: str | None = None) -> dict[str, str]:
    """The environment variables that the dbt profile reads.

    Whoever runs dbt merges them into its environment and holds `lake.connection.commit_lock`
    until dbt is done.

    Parameters
    ----------
    settings
        Where the lake lies, and DuckDB's caps.
    run_id
        Stored as the author of the snapshots that dbt makes; dbt's own invocation id otherwise.
    """
    environment = {
        "FUNDING_LAKE_CATALOG": str(catalog_file(settings)),
        "FUNDING_LAKE_FILES": f"{files_dir(settings)}/",
        "FUNDING_LAKE_BUSY_MS": f"{settings.lock_timeout_seconds * 1000:.0f}",
        "FUNDING_LAKE_SPILL": str(settings.lake_dir / "spill"),
        "FUNDING_LAKE_THREADS": str(settings.lake_threads),
        "FUNDING_LAKE_MEMORY_LIMIT": settings.lake_memory_limit,
    }
    return environment if run_id is None else {**environment, "FUNDING_RUN_ID": run_id}
