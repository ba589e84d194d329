"""Packages whose names load on first use, so that importing them costs nothing."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Make a module's ``__getattr__`` (PEP 562) for names that live in modules below a package.

    Parameters
    ----------
    homes
        By name, the module that has it: below the package, or with a leading dot beside it.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f".{homes[name]}", package), name)

    return find
