"""Which values of a cell cannot be: the rules of ``core.market_snapshots`` for arrays of numbers.

Frames of snapshots are judged by the same bounds as expressions (``core.rules``), what a stream
says by ``venues.streams.possible`` one number at a time. Tests set each beside the others.
"""

import sys
from typing import Final

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.time_grid import FIRST_PERPETUAL, HOUR_MS, to_ms
from funding_platform.venues.parsing.plausibility import MAX_MARK_INDEX_RATIO
from funding_platform.venues.streams.possible import SKEW_MS
from funding_platform.venues.streams.updates import VALUES

FIELDS: Final = VALUES
"""The cells of a row, in the order of the board's arrays."""

FIELD: Final = {name: number for number, name in enumerate(FIELDS)}
"""The number of each field."""

INTERVAL: Final = FIELD["interval_hours"]
NEXT: Final = FIELD["next_funding_ms"]
MARK: Final = FIELD["mark_price"]
INDEX: Final = FIELD["index_price"]

TOGETHER: Final = (INTERVAL, NEXT, MARK, INDEX)
"""Fields that are judged beside each other."""

JUDGED_TOGETHER: Final = TOGETHER[:3]
"""Those of them that may be flagged for it: an index is nobody's fault but its own."""

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

_LOW, _HIGH = (np.array(ends, dtype=np.float64) for ends in zip(*BOUNDS, strict=True))


def out_of_bounds(fields: Ints | int, values: Floats) -> Flags:
    """Tell of each value whether it is known, and not within what its column declares."""
    outside: Flags = (values < _LOW[fields]) | (values > _HIGH[fields])
    return outside


def divides_no_day(hours: Floats) -> Flags:
    """Tell of each interval whether it is none that divides a day."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.mod(float(MAX_INTERVAL_HOURS), hours)
    divides_none: Flags = (hours > 0) & (rest != 0)
    return divides_none


def judged_together(state: Floats, now_ms: Floats) -> Flags:
    """Tell which of the values of a row cannot be beside the others, shape (3, n).

    Parameters
    ----------
    state
        The fields of ``TOGETHER`` of each row, NaN where unknown, shape (4, n).
    now_ms
        When that was so, in milliseconds since the epoch, shape (n,).
    """
    interval, due, mark, index = state
    no_interval = out_of_bounds(INTERVAL, interval)
    believed = np.where(no_interval | np.isnan(interval), float(MAX_INTERVAL_HOURS), interval)
    too_far = due - now_ms > believed * HOUR_MS + SKEW_MS
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = mark / index
    fits = (ratio >= 1 / MAX_MARK_INDEX_RATIO) & (ratio <= MAX_MARK_INDEX_RATIO)
    apart = (index > 0) & ~np.isnan(mark) & ~fits
    return np.stack(
        (
            no_interval | divides_no_day(interval),
            too_far | (due < _FIRST_MS),
            out_of_bounds(MARK, mark) | apart,
        )
    )
