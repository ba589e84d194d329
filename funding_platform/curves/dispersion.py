"""How far the venues are apart on one base, as of a curve.

A curve is set beside the newest curve of the same kind of every other instrument of its base. A
peer counts if its curve is no older than one tenor and was available when this one was: a peer
whose settlement is stamped three seconds later is represented by its curve of the window before.
"""

from dataclasses import dataclass

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.time_grid import MICROSECOND, TENOR
from funding_platform.curves.inputs import Rows

MIN_VENUES = 2

_TENOR_US = TENOR // MICROSECOND

_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Levels(Rows):
    """The newest bucket of curves of one kind, sorted by instrument and as-of time; shape (n,).

    ``as_of`` and ``available`` are in microseconds since the epoch, ``level`` NaN where missing.
    """

    instrument: Ints
    as_of: Ints
    available: Ints
    level: Floats


def dispersion(levels: Levels, base: Ints, venue: Ints) -> Floats:
    """Compute the sample standard deviation of the newest bucket across a base's instruments.

    Parameters
    ----------
    levels
        Curves of one kind.
    base, venue
        Numbers of each instrument's base, -1 where unknown, and venue; shape (n_instruments,).
        Instruments are numbered venue by venue.

    Returns
    -------
    ndarray
        Shape (n,), NaN where fewer than two venues are known.
    """
    found = np.full(len(levels.level), np.nan)
    starts = np.searchsorted(levels.instrument, np.arange(len(base) + 1))
    for number in range(int(base.max(initial=-1)) + 1):
        members = np.flatnonzero((base == number) & (np.diff(starts) > 0))
        if len(np.unique(venue[members])) < MIN_VENUES:
            continue
        spans = [slice(starts[member], starts[member + 1]) for member in members]
        for span, value in zip(spans, _of_base(levels, spans, venue[members]), strict=True):
            found[span] = value
    return found


def _of_base(levels: Levels, spans: list[slice], venue: Ints) -> list[Floats]:
    """Compute the dispersion seen by each curve of the instruments that the spans hold."""
    as_of = [levels.as_of[span] for span in spans]
    available = np.concatenate([levels.available[span] for span in spans])
    times, place = np.unique(np.concatenate(as_of), return_inverse=True)
    newest = np.stack(
        [
            span.start + np.searchsorted(own, times, side="right") - 1
            for span, own in zip(spans, as_of, strict=True)
        ]
    )
    first = np.array([[span.start] for span in spans])
    opens = np.flatnonzero(np.append(True, np.diff(venue) != 0))

    def spread(members: Ints, time: Ints) -> Floats:
        """Compute it across the curves at the given places, shape (m, n), of those not too old."""
        fresh = (members >= first) & (levels.as_of[members] >= time - _TENOR_US)
        return _deviation(np.where(fresh, levels.level[members], np.nan), opens)

    # When all curves that stand at a time are available at once, they all see the same.
    latest = np.where(newest >= first, levels.available[newest], 0).max(axis=0)
    found = spread(newest, times)[place]
    early = np.flatnonzero(available < latest[place])
    for rows in np.split(early, range(_ROWS_AT_ONCE, len(early), _ROWS_AT_ONCE)):
        seen = _stepped_back(
            newest[:, place[rows]], first, levels, times[place[rows]], available[rows]
        )
        found[rows] = spread(seen, times[place[rows]])
    return np.split(found, np.cumsum([len(own) for own in as_of])[:-1])


def _stepped_back(members: Ints, first: Ints, levels: Levels, time: Ints, available: Ints) -> Ints:
    """Find for each member its newest curve that was available; shape (m, n)."""
    while True:
        unseen: Flags = (
            (members >= first)
            & (levels.as_of[members] >= time - _TENOR_US)
            & (levels.available[members] > available)
        )
        if not unseen.any():
            return members
        members = members - unseen


def _deviation(values: Floats, opens: Ints) -> Floats:
    """Compute the sample deviation down the rows, NaN where fewer than two venues are known.

    ``opens`` holds the first row of each venue.
    """
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    venues = np.logical_or.reduceat(known, opens, axis=0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = _sum(np.where(known, values, 0.0)) / n
        squares = np.where(known, values - mean, 0.0) ** 2
        return np.where(venues >= MIN_VENUES, np.sqrt(_sum(squares) / (n - 1)), np.nan)


def _sum(values: Floats) -> Floats:
    """Sum down the rows, one after another: NumPy's own order depends on the number of columns."""
    total = np.zeros(values.shape[1])
    for row in values:
        total += row
    return total
