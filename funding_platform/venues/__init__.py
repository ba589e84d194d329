"""Public market data of perpetual-futures venues, as frames of ``core.tables``."""

from typing import TYPE_CHECKING

from funding_platform.core.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.venues.registry import open_venue

__all__ = ["open_venue"]

__getattr__ = lazy_names(__name__, {"open_venue": "registry"})
