"""Strategies by name: the built-in ones, and those of installed packages.

A package brings a strategy by an entry point of the group ``funding_platform.strategies``: the name
that configurations use, and the ``NamedStrategy`` that it stands for. The built-in ones are found
without any metadata, so that a stale installation of the platform cannot lose them.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from funding_platform.core.validation_errors import near
from funding_platform.strategies.contract import NamedStrategy
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.curve_timed_carry import CurveTimedCarry
from funding_platform.strategies.errors import StrategyPackageError, UnknownStrategyError
from funding_platform.strategies.spot_perp_carry import SpotPerpCarry

GROUP: Final = "funding_platform.strategies"
"""The entry-point group by which packages bring strategies."""

BUILT_IN: Final[Mapping[str, type[NamedStrategy]]] = {
    kind.model_fields["name"].default: kind
    for kind in (CrossVenueCarry, CurveTimedCarry, SpotPerpCarry)
}


def strategy_class(name: str) -> type[NamedStrategy]:
    """Return the strategy that goes by a name.

    Raises
    ------
    UnknownStrategyError
        If none does.
    StrategyPackageError
        If two do, or the one that does cannot be used.
    """
    brought = _brought().get(name, ())
    owners = [*(["funding_platform"] if name in BUILT_IN else []), *map(_owner, brought)]
    if not owners:
        raise UnknownStrategyError(
            f"there is no strategy {name!r} among {_known()}{near(name, (*BUILT_IN, *_brought()))}",
            hint=f"a package brings one by an entry point of the group {GROUP}: install it",
        )
    if len(owners) > 1:
        raise StrategyPackageError(
            f"two strategies are named {name!r}, of {' and of '.join(owners)}",
            hint="rename one of them, or uninstall its package",
        )
    return _loaded(brought[0]) if brought else BUILT_IN[name]


def strategy_from(fields: Mapping[str, Any]) -> NamedStrategy:
    """Return the strategy that a table of fields stands for: its ``name`` and its parameters.

    Raises
    ------
    UnknownStrategyError
        If no strategy has the name, or there is no name.
    StrategyPackageError
        If it is of a package, and cannot be used.
    pydantic.ValidationError
        If a parameter is out of bounds, or there is no such parameter.
    """
    name = fields.get("name")
    if not isinstance(name, str):
        raise UnknownStrategyError(
            f"needs a name, one of {_known()}" if name is None else f"its name {name!r} is not text"
        )
    return strategy_class(name).model_validate(fields)


@cache
def _brought() -> Mapping[str, tuple[EntryPoint, ...]]:
    """What installed packages bring, by name; looked up once per process."""
    found = entry_points(group=GROUP)
    return {name: tuple(found.select(name=name)) for name in found.names}


def _known() -> str:
    """All names, for messages."""
    return ", ".join(sorted({*BUILT_IN, *_brought()}))


def _owner(entry: EntryPoint) -> str:
    """The package that brings a strategy, with its version where it has any."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module


def _loaded(entry: EntryPoint) -> type[NamedStrategy]:
    """The class behind an entry point."""
    what = f"strategy {entry.name!r} of {_owner(entry)}"
    try:
        kind = entry.load()
    except Exception as error:
        raise StrategyPackageError(
            f"{what} cannot be loaded from {entry.value}: {type(error).__name__}: {error}",
            hint="mend the package and install it again, or uninstall it",
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, NamedStrategy)):
        raise StrategyPackageError(
            f"{what}: {entry.value} is not a NamedStrategy",
            hint="derive it from funding_platform.strategies.NamedStrategy",
        )
    if kind.model_fields["name"].default != entry.name:
        raise StrategyPackageError(
            f"{what}: the default of its field `name` is not {entry.name!r}",
            hint=f'write name: Literal["{entry.name}"] = "{entry.name}"',
        )
    return kind
