"""What other installed packages add to the platform, found by entry point.

A package names an object under one of our groups in its own ``pyproject.toml``; installing it is
all that registers it. One that does not load harms itself only: it is left out of what is
registered, logged, and named by the error of whoever asks for it.
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

_LOG = logging.getLogger(__name__)


class PluginError(FundingError):
    """A plug-in that cannot be loaded, or whose name is taken."""


@cache
def plugins(group: str) -> Mapping[str, EntryPoint]:
    """Return what installed packages name under a group, by name; of two by one name, the first."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        if (first := found.setdefault(point.name, point)) is not point:
            _LOG.error("%s is left out: %s has that name", _described(point), _described(first))
    return found


def load_plugin(point: EntryPoint, kind: type, own_name: Callable[[Any], str]) -> Any:
    """Return what an entry point names.

    Parameters
    ----------
    kind
        Its class, or a base class of it.
    own_name
        What it calls itself, which has to be the name of its entry point.

    Raises
    ------
    PluginError
        If importing it fails in any way, it is something else or calls itself otherwise.
    """
    try:
        loaded = point.load()
    except Exception as error:
        raise PluginError(
            f"{_described(point)} does not load: {type(error).__name__}: {error}",
            hint="mend or uninstall that package",
        ) from error
    if not (isinstance(loaded, kind) or (isinstance(loaded, type) and issubclass(loaded, kind))):
        raise PluginError(
            f"{_described(point)} is not a {kind.__name__}",
            hint=f"its entry point has to name a {kind.__module__}.{kind.__name__}",
        )
    if (name := own_name(loaded)) != point.name:
        raise PluginError(f"{_described(point)} calls itself {name!r}", hint="give both one name")
    return loaded


@cache
def loadable(group: str, kind: type, own_name: Callable[[Any], str]) -> Mapping[str, Any]:
    """Return the plug-ins of a group that load, by name; those that do not are logged."""
    loaded: dict[str, Any] = {}
    for name, point in plugins(group).items():
        try:
            loaded[name] = load_plugin(point, kind, own_name)
        except PluginError as error:
            _LOG.error("%s", error)
    return loaded


def _described(point: EntryPoint) -> str:
    package = point.dist.name if point.dist is not None else "an unknown package"
    return f"the plug-in {point.name!r} ({point.value}, of {package})"
