"""Fits that were due: which strips each is made of, and whether they are enough.

A window is ``(start, end]`` in as-of time, as funding windows are: a strip seen from ``end`` is
made of what settled until then. A model applies to strips seen after ``end``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.time_grid import MICROSECOND, Window, to_us
from funding_platform.curves.inputs import Rows
from funding_platform.curves.pca.inputs import TENOR_US, PcaInput, time_key
from funding_platform.curves.pca.moments import (
    Moments,
    pooled_moments,
    segment_moments,
    trailing_moments,
)
from funding_platform.curves.windows import N_WINDOWS

MIN_COVERAGE: Final = 0.25
"""Below this share of the strips that a window could hold nothing is fitted. Of 90 days a quarter
are 68 strips, eight per bucket; the first month of a new listing passes, a fortnight does not."""

MIN_STRIPS: Final = N_WINDOWS + 1
"""Fewer cannot span the eight buckets, however short the window."""


@dataclass(frozen=True, slots=True)
class Fits(Rows):
    """What is known of each fit that was due before it is fitted; arrays of shape (m,).

    ``owner`` numbers what the model is of, ``start`` and ``end`` are its window, ``first`` the
    as-of time of its first strip and ``available`` when the last was known, all in microseconds
    since the epoch; ``first`` and ``available`` are 0 where there is none. ``n_instruments`` were
    seen in the window.
    """

    owner: Ints
    start: Ints
    end: Ints
    first: Ints
    available: Ints
    n_instruments: Ints
    moments: Moments

    @property
    def enough(self) -> Flags:
        """Whether there are strips enough to fit, shape (m,)."""
        return (self.coverage >= MIN_COVERAGE) & (self.moments.n >= MIN_STRIPS)

    @property
    def coverage(self) -> Floats:
        """Share of the strips that the window could hold, shape (m,).

        An instrument that changes its grid may have one more than that, hence the bound.
        """
        possible = self.n_instruments * ((self.end - self.start) // TENOR_US)
        return np.minimum(self.moments.n / possible, 1.0)


def instrument_fits(strips: PcaInput, ends: list[datetime], length: timedelta) -> Fits:
    """Make a fit per instrument and window end, if the instrument was seen in the window.

    Parameters
    ----------
    strips
        All that is seen in the windows.
    ends
        Where windows end.
    length
        How long they are, a multiple of eight hours.
    """
    n = strips.instruments.height
    end = np.repeat(microseconds(ends), n)
    owner = np.tile(np.arange(n), len(ends))
    start = end - length // MICROSECOND
    seen = time_key(*strips.seen)
    due = _after(seen, owner, end) > _after(seen, owner, start)
    owner, start, end = owner[due], start[due], end[due]
    rows = strips.settled
    keys = time_key(rows.instrument, rows.as_of)
    first, stop = _after(keys, owner, start), _after(keys, owner, end)
    padded = np.append(rows.as_of, 0)
    last_known = _segment_maxima(rows.available, first, stop)
    return Fits(
        owner,
        start,
        end,
        np.where(stop > first, padded[first], 0),
        last_known,
        np.ones(len(owner), dtype=np.int64),
        segment_moments(rows.values, first, stop),
    )


def venue_fits(fits: Fits, venue_of: Ints) -> Fits:
    """Pool the fits of instruments by venue and window: all their strips, stacked.

    Parameters
    ----------
    fits
        Of instruments.
    venue_of
        The number of each instrument's venue.
    """
    venue = venue_of[fits.owner]
    order = np.lexsort((fits.owner, fits.end, venue))
    parts, venue = fits.take(order), venue[order]
    opens = np.ones(len(venue), dtype=np.bool_)
    opens[1:] = (np.diff(venue) != 0) | (np.diff(parts.end) != 0)
    group = np.flatnonzero(opens)
    if not len(group):
        return parts
    never = np.iinfo(np.int64).max
    earliest = np.minimum.reduceat(np.where(parts.first > 0, parts.first, never), group)
    return Fits(
        venue[group],
        parts.start[group],
        parts.end[group],
        np.where(earliest == never, 0, earliest),
        np.maximum.reduceat(parts.available, group),
        np.add.reduceat(parts.n_instruments, group),
        pooled_moments(parts.moments, group),
    )


def step_fits(strips: PcaInput, window: Window, n_strips: int) -> Fits:
    """Make a fit per instrument and settled strip in ``window``, to the last ``n_strips`` there.

    A window begins one tenor before its first strip, and is longer where strips are missing.
    """
    rows = strips.settled
    bounds = np.searchsorted(rows.instrument, np.arange(strips.instruments.height + 1))
    series = [slice(a, b) for a, b in pairwise(bounds) if b - a >= n_strips]
    moments = [trailing_moments(rows.values[span], n_strips) for span in series]
    last = np.concatenate(
        [np.arange(span.start + n_strips - 1, span.stop) for span in series]
        or [np.zeros(0, np.int64)]
    )
    first = last - n_strips + 1
    start, end = microseconds([window.start, window.end])
    fits = Fits(
        rows.instrument[last],
        rows.as_of[first] - TENOR_US,
        rows.as_of[last],
        rows.as_of[first],
        _segment_maxima(rows.available, first, last + 1),
        np.ones(len(last), dtype=np.int64),
        Moments(
            np.full(len(last), n_strips),
            np.concatenate([one.mean for one in moments] or [np.zeros((0, N_WINDOWS))]),
            np.concatenate(
                [one.scatter for one in moments] or [np.zeros((0, N_WINDOWS, N_WINDOWS))]
            ),
        ),
    )
    return fits.take((fits.end >= start) & (fits.end < end))


def microseconds(times: list[datetime]) -> Ints:
    """Express instants as microseconds since the epoch."""
    return np.array([to_us(time) for time in times], dtype=np.int64)


def _after(keys: Ints, owner: Ints, time: Ints) -> Ints:
    """Find the first place among sorted keys whose time is later than the owner's."""
    return np.searchsorted(keys, time_key(owner, time), side="right")


def _segment_maxima(values: Ints, first: Ints, stop: Ints) -> Ints:
    """``max(values[first:stop])``, 0 where empty; segments may overlap."""
    out = np.zeros(len(first), dtype=np.int64)
    filled = np.flatnonzero(stop > first)
    bounds = np.column_stack((first[filled], stop[filled])).ravel()
    if len(bounds):
        out[filled] = np.maximum.reduceat(np.append(values, 0), bounds)[::2]
    return out
