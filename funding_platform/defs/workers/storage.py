"""Dagster's PostgreSQL storage, at the address that the settings name."""

from typing import Any

from dagster_postgres import DagsterPostgresStorage

from funding_platform.defs.workers.broker import dagster_url
from funding_platform.settings import Settings


class PostgresStorage(DagsterPostgresStorage):
    """What ``dagster.yaml`` names: it holds no secret, and any spelling of the URL does."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Say that ``dagster.yaml`` configures nothing."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "PostgresStorage":
        """Make one at the address of the settings."""
        return cls(dagster_url(Settings()), inst_data=inst_data)
