"""What other installed packages add to the platform, found by entry point.

A package names an object under one of our groups in its own ``pyproject.toml``; installing it is
all that registers it. What belongs here is how such objects are found and loaded; what they have to
be, and who may have which name, their registries say.
"""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from funding_platform.core.errors import FundingError

VENUES: Final = "funding_platform.venues"
"""Adapters: subclasses of ``venues.contract.Venue``, by the name in their specification."""

WIRES: Final = "funding_platform.sandbox_wires"
"""Their other side in the sandbox: a ``sandbox.wire.contract.Wire``, by the name of the venue."""

STRATEGIES: Final = "funding_platform.strategies"
"""Subclasses of ``strategies.NamedStrategy``, by the default of their field ``name``."""

_LOG = logging.getLogger(__name__)

OwnName = Callable[[Any], object]
"""Gives what a plug-in calls itself."""


class PluginError(FundingError):
    """A plug-in that cannot be used; names what it is, its package and why."""


@cache
def plugins(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return what installed packages name under a group, by name; looked up once a process."""
    found = entry_points(group=group)
    return {name: tuple(found.select(name=name)) for name in found.names}


def owner(point: EntryPoint) -> str:
    """Return the package of an entry point, with its version where it has any."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module


def load_plugin(point: EntryPoint, kind: type, own_name: OwnName) -> Any:
    """Return what an entry point names: an object of a class, or a subclass of it.

    Raises
    ------
    PluginError
        If importing it fails in any way, it is something else or calls itself otherwise.
    """
    what = f"the {kind.__name__} {point.name!r} of {owner(point)}"
    try:
        loaded = point.load()
    except Exception as error:  # somebody else's code may raise anything
        raise PluginError(
            f"{what} cannot be loaded from {point.value}: {type(error).__name__}: {error}",
            hint="mend the package and install it again, or uninstall it",
        ) from error
    if not (isinstance(loaded, kind) or (isinstance(loaded, type) and issubclass(loaded, kind))):
        raise PluginError(
            f"{what}: {point.value} is not a {kind.__name__}",
            hint=f"it has to be a {kind.__module__}.{kind.__name__}",
        )
    if (name := own_name(loaded)) != point.name:
        raise PluginError(
            f"{what}: {point.value} calls itself {name!r}",
            hint=f"give it and its entry point one name, such as {point.name!r}",
        )
    return loaded


@cache
def loadable(group: str, kind: type, own_name: OwnName) -> Mapping[str, Any]:
    """Return the plug-ins of a group that load, by name; those that do not are logged.

    One that is no good harms itself only. Of two by one name neither is to be told from the other:
    both are left out.
    """
    loaded: dict[str, Any] = {}
    for name, points in plugins(group).items():
        try:
            loaded[name] = load_plugin(only(points), kind, own_name)
        except PluginError as error:
            _LOG.error("%s", error)
    return loaded


def only(points: tuple[EntryPoint, ...]) -> EntryPoint:
    """Return the one plug-in of a name.

    Raises
    ------
    PluginError
        If two packages have it.
    """
    if len(points) > 1:
        raise PluginError(
            f"two packages bring a plug-in named {points[0].name!r}: "
            f"{' and '.join(map(owner, points))}",
            hint="rename one of them, or uninstall its package",
        )
    return points[0]
