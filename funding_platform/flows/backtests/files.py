"""Backtests as people write them down: a file, changes by dotted path, the axes of a sweep.

A file is a configuration in TOML, YAML or JSON. In place of ``start`` and ``end`` it may say
``last_days``, so that one file serves a lake that grows, and in place of ``bases`` it may say
``any_of_bases``, so that it serves one that has not all of them; what is run and stored has the
times and the bases.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.errors import ConfigError
from funding_platform.core.time_grid import floor_hour
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings, project_file
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry

LAST_DAYS: Final = "last_days"
"""Of a file: so many days, up to the hour of the newest settlement in the lake."""

ANY_OF_BASES: Final = "any_of_bases"
"""Of a file: those of these bases that the lake has."""

EXAMPLE: Final = Path("backtests") / "carry.toml"
"""From the project's root: what the demonstration and the asset run."""

_NEWEST_SETTLEMENT: Final = (
    "SELECT max(funding_time) FROM core.funding_rates WHERE funding_time <= now()"
)
_BASES: Final = "SELECT DISTINCT base FROM core.instruments WHERE base IN (SELECT unnest(?))"


def example_file() -> Path:
    """Return the file of the backtest that comes with the project."""
    return project_file(EXAMPLE)


def read_config(
    path: Path, settings: Settings, changes: Mapping[str, Any] | None = None
) -> BacktestConfig:
    """Read the configuration in a file, with some fields changed.

    Parameters
    ----------
    changes
        Values by dotted path, e.g. ``{"costs.slippage.half_spread_bps": 2.0}``.

    Raises
    ------
    ConfigError
        If the file cannot be read, or what it says with the changes is no valid configuration.
    LakeMissingError
        If the file says ``last_days`` or ``any_of_bases`` and there is no lake.
    """
    fields = _read(path)
    for dotted, value in (changes or {}).items():
        _put(fields, dotted, value)
    if isinstance(strategy := fields.get("strategy"), dict):
        strategy.setdefault("name", CrossVenueCarry().name)
    if LAST_DAYS in fields:
        fields |= _last_days(fields.pop(LAST_DAYS), settings)
    if ANY_OF_BASES in fields:
        fields |= _bases(fields.pop(ANY_OF_BASES), settings)
    return BacktestConfig.model_validate(fields)


def parse_changes(texts: Iterable[str]) -> dict[str, Any]:
    """Read ``path=value`` as a mapping; a value that is no JSON is a word.

    Raises
    ------
    ConfigError
        If a text has no ``=``, or changes one field twice.
    """
    return {path: _value(text) for path, text in _pairs(texts)}


def parse_axes(texts: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    """Read ``path=value,value`` as axes of a sweep; ``path=[…]``, JSON, if values hold commas.

    Raises
    ------
    ConfigError
        If a text has no ``=``, or two are about one field.
    """
    axes = {}
    for path, text in _pairs(texts):
        listed = _value(text) if text.startswith("[") else None
        axes[path] = tuple(listed if isinstance(listed, list) else map(_value, text.split(",")))
        if not axes[path]:
            raise ConfigError(f"{path}: an axis needs a value")
    return axes


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: the configuration cannot be read: {error}") from error
    if not isinstance(told, dict):
        raise ConfigError(
            f"{path}: a configuration is a table of fields, not {type(told).__name__}",
            hint="the fields are in docs/backtesting.md",
        )
    return told


def _put(fields: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a nested field; a window given by its ends replaces one given by its length."""
    *parents, name = dotted.split(".")
    owner: Any = fields
    for parent in parents:
        owner = owner.setdefault(parent, {})
        if not isinstance(owner, dict):
            raise ConfigError(f"{dotted}: {parent!r} has no fields of its own")
    owner[name] = value
    if dotted in ("start", "end"):
        fields.pop(LAST_DAYS, None)
    if dotted == "bases":
        fields.pop(ANY_OF_BASES, None)


def _last_days(days: Any, settings: Settings) -> dict[str, Any]:
    """Find the window that ends with the hour of the newest settlement."""
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days < 1e5:
        raise ConfigError(f"{LAST_DAYS}: {days!r} is not a number of days above zero")
    with connect(settings) as lake:
        (newest,) = lake.execute(_NEWEST_SETTLEMENT).fetchone() or (None,)
    if newest is None:
        raise ConfigError(
            f"{LAST_DAYS}: the lake has no settlement that days could be counted from",
            hint="run `funding backfill` first",
        )
    end = floor_hour(newest)
    return {"start": end - timedelta(days=days), "end": end}


def _bases(wanted: Any, settings: Settings) -> dict[str, Any]:
    """Keep the bases that the lake has, in the order of the file."""
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise ConfigError(f"{ANY_OF_BASES}: {wanted!r} is not a list of bases")
    with connect(settings) as lake:
        found = {name for (name,) in lake.execute(_BASES, [wanted]).fetchall()}
    if not found:
        raise ConfigError(
            f"{ANY_OF_BASES}: the lake has none of {', '.join(wanted) or 'no bases'}",
            hint="`funding collect` lists what the venues have; `bases` names those that must be "
            "there",
        )
    return {"bases": [name for name in wanted if name in found]}


def _pairs(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    seen: set[str] = set()
    for text in texts:
        path, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not path or not value:
            raise ConfigError(f"{text!r} is not `field=value`")
        if path in seen:
            raise ConfigError(f"{path} is given twice")
        seen.add(path)
        yield path, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()
