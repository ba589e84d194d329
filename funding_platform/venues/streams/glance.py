"""A glance at what a channel says: whether it is certainly sound, at little cost.

Most frames are, and some thousand come in a second. What is not certain here is looked at value by
value in ``sound``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from math import nan
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeGuard

import numpy as np
from msgspec import UNSET, UnsetType

from funding_platform.core.arrays import Floats
from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.time_grid import FIRST_PERPETUAL, HOUR_MS, to_ms
from funding_platform.venues.parsing.fields import LATEST_MS
from funding_platform.venues.parsing.plausibility import MAX_MARK_INDEX_RATIO
from funding_platform.venues.streams.possible import (
    SKEW_MS,
    are_apart,
    divides_no_day,
    is_too_far_ahead,
)
from funding_platform.venues.streams.updates import VALUES, MarketUpdate, Said

_TIMES: Final = frozenset(("next_funding_ms", "event_ms"))
_MANY: Final = 32
"""So many rows are worth arrays."""

_NUMBER: Final = (float, int)
_ANY: Final = 1e300
LONGEST_MS: Final = MAX_INTERVAL_HOURS * HOUR_MS + SKEW_MS
"""No settlement is due further ahead."""

BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    **{
        name: (
            -_ANY if (column := MARKET_SNAPSHOTS.column(name)).minimum is None else column.minimum,
            _ANY if column.maximum is None else column.maximum,
        )
        for name in VALUES
        if name in MARKET_SNAPSHOTS.column_names
    },
    "next_funding_ms": (to_ms(FIRST_PERPETUAL), LATEST_MS),
}
"""Between which two numbers each value of an update lies."""


@cache
def getter(names: tuple[str, ...]) -> Callable[[object], tuple[Any, ...]]:
    """Make what gets attributes: of one name, too, in a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: tuple(getattr(row, name) for name in names)


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether something is a number."""
    return isinstance(value, _NUMBER)


def number_of(said: Said) -> float:
    """Return a number; NaN where there is none."""
    return said if isinstance(said, _NUMBER) else nan


def said_apart(mark: Said, index: Said) -> bool:
    """Tell whether a mark is so far from its index that it is in another unit."""
    return are_apart(number_of(mark), number_of(index))


def said_too_far_ahead(due: int | UnsetType | None, now: int | None, hours: Said) -> bool:
    """Tell whether a settlement is due in more than an interval, as the venue's clock has it."""
    return now is not None and is_too_far_ahead(number_of(due), number_of(hours), now)


def said_to_divide_no_day(hours: Said) -> bool:
    """Tell whether an interval is none that divides a day."""
    return divides_no_day(number_of(hours))


def certainly_sound(updates: Sequence[MarketUpdate], values: tuple[str, ...]) -> bool:
    """Tell at little cost that all rows are sound, as those of most frames are."""
    if len(updates) == 1:
        return _is_sound(updates[0], _glance_at(values))
    return not updates or (len(updates) >= _MANY and _all_sound(updates, values))


class _Glance(NamedTuple):
    """How one row of a channel's values is looked at."""

    get: Callable[[object], tuple[Any, ...]]
    bounds: tuple[tuple[float, float], ...]
    has_mark: bool
    has_hours: bool
    has_due: bool


@cache
def _glance_at(values: tuple[str, ...]) -> _Glance:
    return _Glance(
        get=getter(values),
        bounds=tuple(BOUNDS[name] for name in values),
        has_mark="mark_price" in values,
        has_hours="interval_hours" in values,
        has_due="next_funding_ms" in values,
    )


def _is_sound(row: MarketUpdate, glance: _Glance) -> bool:
    """Tell whether every value of a row is possible, or absent."""
    try:
        for value, (least, greatest) in zip(glance.get(row), glance.bounds, strict=True):
            if value is not UNSET and value is not None and not least <= value <= greatest:
                return False
    except TypeError:  # an empty text
        return False
    return not (
        (glance.has_mark and said_apart(row.mark_price, row.index_price))
        or (glance.has_hours and said_to_divide_no_day(row.interval_hours))
        or (
            glance.has_due
            and said_too_far_ahead(row.next_funding_ms, row.event_ms, row.interval_hours)
        )
    )


def _all_sound(updates: Sequence[MarketUpdate], values: Collection[str]) -> bool:
    """Tell whether all of many rows are certainly sound: every value a number, and possible.

    Arrays answer in half the time that lists take; where one value is absent they do not.
    """
    try:
        columns = {name: _array_of(updates, name) for name in values}
        within = all(_within(column, *BOUNDS[name]) for name, column in columns.items())
        return within and _are_beside(updates, columns)
    except (TypeError, ValueError):
        return False


def _array_of(updates: Sequence[MarketUpdate], name: str) -> Any:
    kind = np.int64 if name in _TIMES else np.float64
    return np.fromiter(map(attrgetter(name), updates), kind, len(updates))


def _are_beside(updates: Sequence[MarketUpdate], columns: Mapping[str, Floats]) -> bool:
    """Tell whether all values are possible beside the others of their rows."""
    mark, index = columns.get("mark_price"), columns.get("index_price")
    if mark is not None and index is not None:
        least = 1 / MAX_MARK_INDEX_RATIO
        if not (index.min() > 0 and _within(mark / index, least, MAX_MARK_INDEX_RATIO)):
            return False
    hours, due = columns.get("interval_hours"), columns.get("next_funding_ms")
    if hours is not None and not (hours.min() > 0 and not np.mod(MAX_INTERVAL_HOURS, hours).any()):
        return False
    if due is None:
        return True
    longest = MAX_INTERVAL_HOURS if hours is None else hours
    if hours is None and updates[0].event_ms is not None:  # rows of a frame are of now
        return bool(due.max() <= updates[0].event_ms + LONGEST_MS)
    ahead = due - _array_of(updates, "event_ms") - longest * HOUR_MS
    return bool(ahead.max() <= SKEW_MS)


def _within(column: Floats, least: float, greatest: float) -> bool:
    return bool(least <= column.min() and column.max() <= greatest)
