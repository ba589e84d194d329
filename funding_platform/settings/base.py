"""What the settings of every subject share: how they are read, and the data folder."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from funding_platform.core.errors import FundingError
from funding_platform.settings.places import project_root


class SettingsError(FundingError):
    """A setting is out of bounds, or cannot be read."""


def as_environment(stated: Mapping[str, Any]) -> dict[str, str]:
    """Write settings as the environment of a process that is to have the same."""
    return {
        f"FUNDING_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in stated.items()
    }


def split_names(value: Any) -> Any:
    """Read names that commas separate, or a JSON list of them."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return tuple(name.strip() for name in value.split(",") if name.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_names)]
"""Names that an environment variable separates by commas."""


class SettingsBase(BaseSettings):
    """Settings from the environment, with a place for what is kept."""

    model_config = SettingsConfigDict(
        env_prefix="FUNDING_",
        frozen=True,
        hide_input_in_errors=True,  # some of it is secret
    )

    data_dir: Path = Field(
        default_factory=lambda: project_root() / "data", description="Where everything is kept."
    )

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @cached_property
    def state_dir(self) -> Path:
        """What processes share about venues: budgets spent, bans, outages; and the alerts.

        Safe to delete: what is wrong is told anew.
        """
        return self.data_dir / "state"

    @cached_property
    def dbt_dir(self) -> Path:
        """What dbt compiles, its results and its log. Safe to delete: dbt parses anew."""
        return self.data_dir / "dbt"

    @cached_property
    def published_file(self) -> Path:
        """The plain DuckDB file that anyone can open."""
        return self.data_dir / "funding.duckdb"
