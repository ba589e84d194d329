"""Which values of a cell cannot be: the rules of ``core.market_snapshots`` for single numbers.

Frames are judged by the same bounds as expressions (``core.rules``) and as whole markets
(``venues.parsing.plausibility``); a stream speaks of one perpetual at a time, some thousand times a
second, and an expression takes longer than the frame. A test sets one beside the other.
"""

import math
from typing import Final

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.time_grid import FIRST_PERPETUAL, HOUR_MS, MILLISECOND, SKEW, to_ms
from funding_platform.venues.parsing.plausibility import MAX_MARK_INDEX_RATIO
from funding_platform.venues.streams.updates import VALUES

FIELDS: Final = VALUES
"""The cells of a row, in the order of the board's arrays."""

FIELD: Final = {name: number for number, name in enumerate(FIELDS)}
"""The number of each field."""

INTERVAL: Final = FIELD["interval_hours"]
NEXT: Final = FIELD["next_funding_ms"]
MARK: Final = FIELD["mark_price"]
INDEX: Final = FIELD["index_price"]

SKEW_MS: Final = SKEW // MILLISECOND
_FIRST_MS: Final = to_ms(FIRST_PERPETUAL)
_COLUMNS: Final = {"next_funding_ms": "next_funding_time"}
"""Columns of the table whose name is not that of the field."""


def _bounds(field: str) -> tuple[float, float]:
    """Return what a column declares, open where it declares nothing."""
    column = MARKET_SNAPSHOTS.column(_COLUMNS.get(field, field))
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    return low, high


BOUNDS: Final = tuple(_bounds(field) for field in FIELDS)
"""Inclusive, by the number of the field."""


def out_of_bounds(field: int, value: float) -> bool:
    """Whether a number is not finite, or outside what its column declares."""
    low, high = BOUNDS[field]
    return not low <= value <= high or math.isinf(value)


def interval_impossible(hours: float) -> bool:
    """Whether a known interval is none that divides a day; False where it is unknown."""
    return hours == hours and MAX_INTERVAL_HOURS % hours != 0


def next_impossible(due_ms: float, hours: float, now_ms: float) -> bool:
    """Whether a settlement is due in more than an interval, or before there were perpetuals.

    Parameters
    ----------
    due_ms, now_ms
        In milliseconds since the epoch; ``due_ms`` is NaN where unknown.
    hours
        The interval; the longest in use where it is NaN.
    """
    longest = hours if hours == hours else MAX_INTERVAL_HOURS
    return due_ms - now_ms > longest * HOUR_MS + SKEW_MS or due_ms < _FIRST_MS


def mark_impossible(mark: float, index: float) -> bool:
    """Whether a mark is so far from its index that it is in another unit."""
    if not index > 0 or mark != mark:
        return False
    ratio = mark / index
    return not 1 / MAX_MARK_INDEX_RATIO <= ratio <= MAX_MARK_INDEX_RATIO
