"""The DuckLake: the one place where tables are kept. ``connect`` is the name to know."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funding_platform.lake.connection import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    if name == "connect":
        from funding_platform.lake.connection import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
