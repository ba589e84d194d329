"""Public market data of perpetual-futures venues, as frames of ``core.tables``."""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.venues.books.table import parse_order_book
    from funding_platform.venues.registry import open_venue

__all__ = ["open_venue", "parse_order_book"]

__getattr__ = lazy_names(__name__, {"open_venue": "registry", "parse_order_book": "books.table"})
