"""From what a channel says to a frame: units, dollars, absence, and what cannot be.

The rules are those of the REST side: the bounds of ``core.market_snapshots`` and what
``parsing.plausibility`` knows of a market. A value that breaks one is unknown, with an error that
names it. Where most of many rows have one, the venue has changed what it publishes, and nothing of
the frame is believed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from math import nan
from operator import attrgetter, truediv
from typing import Any, Final, TypeGuard

import msgspec
from msgspec import UNSET, UnsetType

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.time_grid import FIRST_PERPETUAL, HOUR_MS, to_ms
from funding_platform.venues.errors import ContractError, VenueError
from funding_platform.venues.parsing.fields import LATEST_MS
from funding_platform.venues.parsing.leniency import most
from funding_platform.venues.parsing.payloads import present, product
from funding_platform.venues.parsing.plausibility import MAX_MARK_INDEX_RATIO, SOME_MARKETS
from funding_platform.venues.parsing.records import MarketRow, dollars
from funding_platform.venues.streams.contract import Channel, Frame
from funding_platform.venues.streams.possible import (
    SKEW_MS,
    are_apart,
    divides_no_day,
    is_too_far_ahead,
)
from funding_platform.venues.streams.updates import VALUES, MarketUpdate, Said

_NUMBER: Final = (float, int)
_ANY: Final = 1e300
_CHANGED: Final = "the venue may have changed the unit or the clock of what it sends"
_LONGEST_MS: Final = MAX_INTERVAL_HOURS * HOUR_MS + SKEW_MS
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
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


def update_of(row: MarketRow, values: Collection[str], event_ms: int | None) -> MarketUpdate:
    """Make an update of a record of the REST side.

    Dollar values that the record leaves out follow from amounts of a quote that is a dollar, as in
    ``parsing.frames``.

    Parameters
    ----------
    row
        What was said of the perpetual, as the REST side would record it.
    values
        Which of its fields the channel fills; the others stay unset.
    event_ms
        The venue's own time of it.
    """
    said: dict[str, Any] = _values_of(row, tuple(values))
    if said.get("open_interest_usd", UNSET) is None:
        held = product(row.open_interest_base, row.mark_price)
        said["open_interest_usd"] = present(dollars(row.quote, held))
    if said.get("volume_24h_usd", UNSET) is None:
        said["volume_24h_usd"] = present(dollars(row.quote, row.volume_24h_quote))
    return MarketUpdate(venue_symbol=row.venue_symbol, event_ms=event_ms, **said)


def _values_of(row: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Return attributes by name; an empty text is none."""
    said = dict(zip(names, _getter(names)(row), strict=True))
    if "" not in said.values():
        return said
    return {name: present(value) for name, value in said.items()}


@cache
def _getter(names: tuple[str, ...]) -> Callable[[object], tuple[Any, ...]]:
    """Make what gets attributes: of one name, too, in a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: tuple(getattr(row, name) for name in names)


def said_of(row: Any, channel: Channel, symbol: str) -> MarketUpdate:
    """Make an update of a payload whose attributes are named after the channel's values."""
    said = _values_of(row, channel.values)
    return MarketUpdate(venue_symbol=symbol, event_ms=row.event_ms, **said)


def frame_of(
    venue: str,
    channel: Channel,
    updates: Sequence[MarketUpdate],
    unread: Iterable[VenueError] = (),
) -> Frame:
    """Make the frame of a channel's updates, without what cannot be.

    Raises
    ------
    ContractError
        If most of many rows have a value that cannot be.
    """
    if not _suspicious(updates, channel.values):
        return Frame(channel=channel.name, updates=updates, unread=tuple(unread))
    told = {place: why for place, row in enumerate(updates) if (why := _complaints(row))}
    errors = [
        ContractError(
            f"{name} of {updates[place].venue_symbol} {complaint}",
            venue=venue,
            endpoint=channel.name,
            hint=_CHANGED,
        )
        for place, why in told.items()
        for name, complaint in why.items()
    ]
    if len(updates) >= SOME_MARKETS and most(len(told), len(updates)):
        raise errors[0]
    possible = [
        msgspec.structs.replace(row, **dict.fromkeys(told[place])) if place in told else row
        for place, row in enumerate(updates)
    ]
    return Frame(channel=channel.name, updates=possible, unread=(*unread, *errors))


def _suspicious(updates: Sequence[MarketUpdate], values: Collection[str]) -> bool:
    """Tell whether a closer look may find something: by columns, for most frames are sound."""
    columns = {name: [*map(attrgetter(name), updates)] for name in values}
    return (
        any(_beyond(column, *_BOUNDS[name]) for name, column in columns.items())
        or ({"mark_price", "index_price"} <= columns.keys() and _any_apart(columns))
        or ("next_funding_ms" in columns and _any_too_far_ahead(columns, updates))
        or any(map(_divides_no_day, columns.get("interval_hours", ())))
    )


def _any_apart(columns: Mapping[str, Sequence[Any]]) -> bool:
    """Tell whether a mark may be far from its index."""
    marks, indices = columns["mark_price"], columns["index_price"]
    try:
        ratios = [*map(truediv, marks, indices)]
    except (TypeError, ZeroDivisionError):  # one is absent, or is no price
        return any(map(_are_apart, marks, indices))
    return _beyond(ratios, 1 / MAX_MARK_INDEX_RATIO, MAX_MARK_INDEX_RATIO)


def _any_too_far_ahead(
    columns: Mapping[str, Sequence[Any]], updates: Sequence[MarketUpdate]
) -> bool:
    """Tell whether a settlement may be due in more than an interval: rows of a frame are of now."""
    dues = columns["next_funding_ms"]
    if "interval_hours" in columns:
        events = [row.event_ms for row in updates]
        return any(map(_is_too_far_ahead, dues, events, columns["interval_hours"]))
    now = updates[0].event_ms if updates else None
    return now is None or _beyond(dues, 0, now + _LONGEST_MS)


def _beyond(column: Sequence[Any], least: float, greatest: float) -> bool:
    """Tell whether any number of a column lies outside."""
    try:
        return bool(column) and not (least <= min(column) and max(column) <= greatest)
    except TypeError:  # one is absent
        return _beyond([value for value in column if _is_number(value)], least, greatest)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, _NUMBER)


def _number_of(said: Said) -> float:
    """Return a number; NaN where there is none."""
    return said if isinstance(said, _NUMBER) else nan


def _are_apart(mark: Said, index: Said) -> bool:
    return are_apart(_number_of(mark), _number_of(index))


def _is_too_far_ahead(due: int | UnsetType | None, now: int | None, hours: Said) -> bool:
    """Tell whether a settlement is due in more than an interval, as the venue's clock has it."""
    return now is not None and is_too_far_ahead(_number_of(due), _number_of(hours), now)


def _divides_no_day(hours: Said) -> bool:
    return divides_no_day(_number_of(hours))


def _complaints(row: MarketUpdate) -> dict[str, str]:
    """Say what is wrong with values of an update, by name; one that is wrong refutes no other."""
    told = {
        name: f"is {getattr(row, name)}, outside {least} to {greatest}"
        for name, (least, greatest) in _BOUNDS.items()
        if _beyond([getattr(row, name)], least, greatest)
    }

    def believed(name: str) -> Any:
        return None if name in told else getattr(row, name)

    if _divides_no_day(believed("interval_hours")):
        told["interval_hours"] = f"is {row.interval_hours}, which does not divide a day"
    due = believed("next_funding_ms")
    if _is_too_far_ahead(due, row.event_ms, believed("interval_hours")):
        told["next_funding_ms"] = f"is {due}, more than an interval ahead"
    if _are_apart(believed("mark_price"), believed("index_price")):
        told["mark_price"] = f"is more than {MAX_MARK_INDEX_RATIO} times apart from the index"
    return told
