"""The DuckLake: the one place where tables are kept. ``connect`` is the name to know."""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.lake.connection import connect

__all__ = ["connect"]

__getattr__ = lazy_names(__name__, {"connect": "connection"})
