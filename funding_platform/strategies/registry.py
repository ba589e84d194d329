"""Strategies by name: the built-in ones, and those of installed packages.

A package brings a strategy by an entry point of the group ``funding_platform.strategies`` (see
``core.system.plugins``): the name that configurations use, and the ``NamedStrategy`` that it stands
for. Two by one name are refused, whoever brings them: nothing may be traded by mistake. The
built-in ones are found without any metadata, so that a stale installation cannot lose them.
"""

from collections.abc import Mapping
from typing import Any, Final

from funding_platform.core.system.plugins import (
    STRATEGIES,
    PluginError,
    load_plugin,
    only,
    owner,
    plugins,
)
from funding_platform.core.validation_errors import did_you_mean
from funding_platform.strategies.contract import NamedStrategy
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.curve_timed_carry import CurveTimedCarry
from funding_platform.strategies.errors import UnknownStrategyError
from funding_platform.strategies.spot_perp_carry import SpotPerpCarry

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
    PluginError
        If two do, or the one that does cannot be used.
    """
    brought = plugins(STRATEGIES)
    if name in BUILT_IN and name in brought:
        raise PluginError(
            f"{name!r} is a built-in strategy, and {owner(brought[name][0])} brings another",
            hint="rename that one, or uninstall its package",
        )
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name not in brought:
        raise UnknownStrategyError(
            f"there is no strategy {name!r} among {_known()}"
            f"{did_you_mean(name, (*BUILT_IN, *brought))}",
            hint=f"a package brings one by an entry point of the group {STRATEGIES}: install it",
        )
    found: type[NamedStrategy] = load_plugin(only(brought[name]), NamedStrategy, _own_name)
    return found


def strategy_from(fields: Mapping[str, Any]) -> NamedStrategy:
    """Return the strategy that a table of fields stands for: its ``name`` and its parameters.

    Raises
    ------
    UnknownStrategyError
        If no strategy has the name, or there is no name.
    PluginError
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


def strategy_of(given: object) -> object:
    """Turn fields into the strategy of their name, for a field of a configuration.

    What is neither fields nor a strategy is handed back, for the field's type to refuse.

    Raises
    ------
    ValueError
        If no strategy has the name, or the name of a given one stands for another.
    """
    try:
        if isinstance(given, Mapping):
            return strategy_from(given)
        if isinstance(given, NamedStrategy) and strategy_class(given.name) is not type(given):
            raise ValueError(f"the name {given.name!r} stands for another strategy")
    except UnknownStrategyError as error:
        raise ValueError(error.message) from error
    return given


def _known() -> str:
    """Name all of them, for messages."""
    return ", ".join(sorted({*BUILT_IN, *plugins(STRATEGIES)}))


def _own_name(kind: type[NamedStrategy]) -> object:
    return kind.model_fields["name"].default
