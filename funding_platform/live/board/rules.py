"""Which values of a cell cannot be: the rules of ``core.market_snapshots`` for single numbers.

Frames are judged by the same bounds as expressions (``core.rules``); what one number says beside
another is judged by ``venues.streams.possible``. A test sets one beside the other.
"""

import sys
from typing import Final

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import FIRST_PERPETUAL, to_ms
from funding_platform.venues.streams.possible import is_too_far_ahead
from funding_platform.venues.streams.updates import VALUES

FIELDS: Final = VALUES
"""The cells of a row, in the order of the board's arrays."""

FIELD: Final = {name: number for number, name in enumerate(FIELDS)}
"""The number of each field."""

INTERVAL: Final = FIELD["interval_hours"]
NEXT: Final = FIELD["next_funding_ms"]
MARK: Final = FIELD["mark_price"]
INDEX: Final = FIELD["index_price"]

_FIRST_MS: Final = to_ms(FIRST_PERPETUAL)
_COLUMNS: Final = {"next_funding_ms": "next_funding_time"}
"""Columns of the table whose name is not that of the field."""


def _bounds(field: str) -> tuple[float, float]:
    """Return what a column declares; any finite number will do where it declares nothing."""
    column = MARKET_SNAPSHOTS.column(_COLUMNS.get(field, field))
    low = -sys.float_info.max if column.minimum is None else column.minimum
    high = sys.float_info.max if column.maximum is None else column.maximum
    return low, high


BOUNDS: Final = tuple(_bounds(field) for field in FIELDS)
"""Inclusive, by the number of the field."""


def out_of_bounds(field: int, value: float) -> bool:
    """Whether a number is not finite, or outside what its column declares."""
    low, high = BOUNDS[field]
    return not low <= value <= high


def next_impossible(due_ms: float, hours: float, now_ms: float) -> bool:
    """Whether a settlement is due in more than an interval, or before there were perpetuals.

    Parameters
    ----------
    due_ms, now_ms
        In milliseconds since the epoch; ``due_ms`` is NaN where unknown.
    hours
        The interval; the longest in use where it is NaN.
    """
    return is_too_far_ahead(due_ms, hours, now_ms) or due_ms < _FIRST_MS
