"""What many updates say, as columns: from objects to arrays in one pass.

Nearly all streams say one thing of one perpetual per message, some thousand times a second, so that
arrays are worth making of many messages together. Everything here is one call of C per column.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, compress, repeat
from operator import attrgetter, is_not
from typing import Final, NamedTuple

import numpy as np
from msgspec import UNSET

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.live.board.rules import FIELDS
from funding_platform.live.board.view import NO_TIME
from funding_platform.venues.streams.possible import SKEW_MS
from funding_platform.venues.streams.updates import MarketUpdate

_said = attrgetter(*FIELDS)
_event = attrgetter("event_ms")

_BEFORE_ANY: Final = NO_TIME - 1
"""What stands for a time before the epoch: older than any, like every other such time."""


class Told(NamedTuple):
    """What one message says, when it came, the number of its venue, and the row of each update."""

    venue: int
    received_us: int
    updates: Sequence[MarketUpdate]
    rows: Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Updates in the order in which they came, and the cells of which they say something.

    Parameters
    ----------
    rows
        Where each update belongs, shape (n,).
    venues
        Of which message's venue it is, shape (n,).
    received_us
        When it came, shape (n,).
    event_ms
        The venue's own time of it, shape (n,); ``NO_TIME`` where it states none, or one that is yet
        to come: a clock that runs ahead would shut out all that follows.
    said
        Whether it says something of a field, shape (fields, n).
    value
        What it says, shape (fields, n): NaN where there is none, and where nothing is said;
        infinite where it is no number.
    """

    rows: Ints
    venues: Ints
    received_us: Ints
    event_ms: Ints
    said: Flags
    value: Floats


def batch_of(messages: Sequence[Told]) -> Batch:
    """Lay out what messages say, in the order in which they came.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If something is said that cannot be made a number.
    """
    venues, received, told, rows = zip(*messages, strict=True) if messages else ((), (), (), ())
    updates = [*chain.from_iterable(told)]
    sizes = _ints(map(len, told))
    received_us = np.repeat(_ints(received), sizes)
    said, value = _cells(updates)
    return Batch(
        rows=_ints(chain.from_iterable(rows)),
        venues=np.repeat(_ints(venues), sizes),
        received_us=received_us,
        event_ms=_events(updates, received_us),
        said=said,
        value=value,
    )


def _cells(updates: Sequence[MarketUpdate]) -> tuple[Flags, Floats]:
    """Return of which fields each update says something, and what; both of shape (fields, n)."""
    every = [*chain.from_iterable(map(_said, updates))]
    states = [*map(is_not, every, repeat(UNSET))]
    said = np.array(states, dtype=np.bool_)
    value = np.full(len(every), np.nan)
    value[said] = _numbers([*compress(every, states)])
    shape = (len(updates), len(FIELDS))
    return said.reshape(shape).T, value.reshape(shape).T


def _ints(values: Iterable[int]) -> Ints:
    return np.array([*values], dtype=np.int64)


def _numbers(said: list[float | None]) -> Floats:
    """Make numbers of what is said; NumPy makes NaN of None, which a number that is none is not."""
    values = np.array(said, dtype=np.float64)
    for place in np.flatnonzero(np.isnan(values)).tolist():
        if said[place] is not None:
            values[place] = math.inf
    return values


def _events(updates: Sequence[MarketUpdate], received_us: Ints) -> Ints:
    """Return the venue's times, ``NO_TIME`` where there is none to go by."""
    stated = np.array([*map(_event, updates)], dtype=np.float64)  # exact until the year 287396
    to_come = stated - received_us // 1000 > SKEW_MS
    stated[np.isnan(stated) | to_come] = NO_TIME
    return np.maximum(stated, _BEFORE_ANY).astype(np.int64)
