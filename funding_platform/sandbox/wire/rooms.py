"""Routes that have a room of their own: a package with a module for each venue that has them."""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from funding_platform.sandbox.wire.contract import Route


def routes_by_venue(room: ModuleType) -> dict[str, tuple[Route, ...]]:
    """Return the ``ROUTES`` of each module in a room; a module without them is no venue's."""
    modules = {
        found.name: import_module(f"{room.__name__}.{found.name}")
        for found in iter_modules(room.__path__)
    }
    return {name: module.ROUTES for name, module in modules.items() if hasattr(module, "ROUTES")}
