"""Settings, from environment variables with the prefix ``FUNDING_``.

``FUNDING_VENUE_URLS='{"binance": "http://127.0.0.1:8900/binance"}'`` points one venue at a
sandbox, a proxy or a testnet; ``FUNDING_VENUES=binance,okx`` names those to collect.

What belongs here: what differs between machines, a file for each subject. Everything else is code.
"""

from typing import Any, Final, Self

from pydantic import ModelWrapValidatorHandler, model_validator

from funding_platform.core.validation_errors import raise_as
from funding_platform.settings.base import SettingsError, as_environment
from funding_platform.settings.collecting import CollectingSettings
from funding_platform.settings.places import (
    CLUSTER_HOME,
    DAGSTER_HOME,
    project_file,
    project_root,
)
from funding_platform.settings.running import RunningSettings, without_schema
from funding_platform.settings.serving import ServingSettings
from funding_platform.settings.telling import TellingSettings

__all__ = [
    "CLUSTER_HOME",
    "DAGSTER_HOME",
    "Settings",
    "SettingsError",
    "as_environment",
    "project_file",
    "project_root",
    "without_schema",
]

_WHERE: Final = "a setting comes from the environment variable FUNDING_ and its name in capitals"


class Settings(ServingSettings, RunningSettings, TellingSettings, CollectingSettings):
    """What differs between machines; everything else is code."""

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        with raise_as(SettingsError, "the settings are wrong", cls.model_fields, hint=_WHERE):
            return handler(values)
