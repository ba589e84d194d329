"""From what a channel says to a frame: units, dollars, absence, and what cannot be.

The rules are those of the REST side: the bounds of ``core.market_snapshots`` and what
``parsing.plausibility`` knows of a market. A value that breaks one is unknown, with an error that
names it. Where most of many rows have one, the venue has changed what it publishes, and nothing of
the frame is believed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter, truediv
from typing import Any, Final

import msgspec
from msgspec import UNSET

from funding_platform.venues.errors import ContractError, VenueError
from funding_platform.venues.parsing.leniency import most
from funding_platform.venues.parsing.payloads import present, product
from funding_platform.venues.parsing.plausibility import MAX_MARK_INDEX_RATIO, SOME_MARKETS
from funding_platform.venues.parsing.records import MarketRow, dollars
from funding_platform.venues.streams.contract import Channel, Frame
from funding_platform.venues.streams.glance import (
    BOUNDS,
    LONGEST_MS,
    certainly_sound,
    getter,
    is_number,
    said_apart,
    said_to_divide_no_day,
    said_too_far_ahead,
)
from funding_platform.venues.streams.updates import MarketUpdate

_CHANGED: Final = "the venue may have changed the unit or the clock of what it sends"


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
    said = dict(zip(names, getter(names)(row), strict=True))
    if "" not in said.values():
        return said
    return {name: present(value) for name, value in said.items()}


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
    """Make the frame of a channel's updates, without what cannot be; an empty text is none.

    Raises
    ------
    ContractError
        If most of many rows have a value that cannot be.
    """
    if certainly_sound(updates, channel.values):
        return Frame(channel=channel.name, updates=updates, unread=tuple(unread))
    columns = {name: [*map(attrgetter(name), updates)] for name in channel.values}
    if any(map(_holds_blanks, columns.values())):
        updates = [_without_blanks(row, channel.values) for row in updates]
    if not _suspicious(updates, columns):
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


def _holds_blanks(column: Sequence[Any]) -> bool:
    """Tell whether an empty text is in a column; most hold numbers alone, which can be added."""
    try:
        sum(column)
    except TypeError:
        return "" in column
    return False


def _without_blanks(row: MarketUpdate, values: Iterable[str]) -> MarketUpdate:
    blank = [name for name in values if getattr(row, name) == ""]
    return msgspec.structs.replace(row, **dict.fromkeys(blank)) if blank else row


def _suspicious(updates: Sequence[MarketUpdate], columns: Mapping[str, Sequence[Any]]) -> bool:
    """Tell whether a closer look may find something: by columns, for most frames are sound."""
    return (
        any(_beyond(column, *BOUNDS[name]) for name, column in columns.items())
        or ({"mark_price", "index_price"} <= columns.keys() and _any_apart(columns))
        or ("next_funding_ms" in columns and _any_too_far_ahead(columns, updates))
        or any(map(said_to_divide_no_day, columns.get("interval_hours", ())))
    )


def _any_apart(columns: Mapping[str, Sequence[Any]]) -> bool:
    """Tell whether a mark may be far from its index."""
    marks, indices = columns["mark_price"], columns["index_price"]
    try:
        ratios = [*map(truediv, marks, indices)]
    except (TypeError, ZeroDivisionError):  # one is absent, or is no price
        return any(map(said_apart, marks, indices))
    return _beyond(ratios, 1 / MAX_MARK_INDEX_RATIO, MAX_MARK_INDEX_RATIO)


def _any_too_far_ahead(
    columns: Mapping[str, Sequence[Any]], updates: Sequence[MarketUpdate]
) -> bool:
    """Tell whether a settlement may be due in more than an interval: rows of a frame are of now."""
    dues = columns["next_funding_ms"]
    if "interval_hours" in columns:
        events = [row.event_ms for row in updates]
        return any(map(said_too_far_ahead, dues, events, columns["interval_hours"]))
    now = updates[0].event_ms if updates else None
    return now is None or _beyond(dues, 0, now + LONGEST_MS)


def _beyond(column: Sequence[Any], least: float, greatest: float) -> bool:
    """Tell whether any number of a column lies outside."""
    try:
        return bool(column) and not (least <= min(column) and max(column) <= greatest)
    except TypeError:  # one is absent
        return _beyond([value for value in column if is_number(value)], least, greatest)


def _complaints(row: MarketUpdate) -> dict[str, str]:
    """Say what is wrong with values of an update, by name; one that is wrong refutes no other."""
    told = {
        name: f"is {getattr(row, name)}, outside {least} to {greatest}"
        for name, (least, greatest) in BOUNDS.items()
        if _beyond([getattr(row, name)], least, greatest)
    }

    def believed(name: str) -> Any:
        return None if name in told else getattr(row, name)

    if said_to_divide_no_day(believed("interval_hours")):
        told["interval_hours"] = f"is {row.interval_hours}, which does not divide a day"
    due = believed("next_funding_ms")
    if said_too_far_ahead(due, row.event_ms, believed("interval_hours")):
        told["next_funding_ms"] = f"is {due}, more than an interval ahead"
    if said_apart(believed("mark_price"), believed("index_price")):
        told["mark_price"] = f"is more than {MAX_MARK_INDEX_RATIO} times apart from the index"
    return told
