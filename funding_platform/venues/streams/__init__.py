"""Public WebSocket streams of venues."""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.venues.streams.table import parse_frames

__all__ = ["parse_frames"]

__getattr__ = lazy_names(__name__, {"parse_frames": "table"})
