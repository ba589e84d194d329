"""Public market data of perpetual-futures venues, as frames of ``core.tables``."""

from typing import Any

__all__ = ["open_venue"]


def __getattr__(name: str) -> Any:
    if name == "open_venue":
        from funding_platform.venues.registry import open_venue

        return open_venue
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
