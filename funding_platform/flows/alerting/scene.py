"""What the sources of alerts look at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.observing import Observation
from funding_platform.telemetry.alerts.rules import Rule


@dataclass(frozen=True, slots=True)
class Scene:
    """What is looked at.

    Parameters
    ----------
    lake
        A connection to it.
    venues
        Those that are collected here: others grow old without fault.
    rules
        With the bounds of the settings.
    """

    lake: DuckDBPyConnection
    settings: Settings
    venues: Sequence[str]
    rules: Mapping[str, Rule]
    now: datetime

    def rows(self, sql: str, **named: object) -> list[tuple[Any, ...]]:
        """Ask the lake."""
        return self.lake.execute(sql, named).fetchall()


Source = Callable[[Scene], list[Observation]]
"""Observes every subject of a rule. Raises NotBuiltError where that cannot be said yet."""
