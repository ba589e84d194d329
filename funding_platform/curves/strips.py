"""Windows to strips: the eight buckets seen from a boundary, and the filling of inner gaps.

Settled: b0 is the window that ends at the boundary. Live: b0 is the window that begins there, at
its predicted rate. Every further bucket lies one window earlier.

A settled strip stands at its boundary. When live strips are emitted, and what their as-of time
then is, is a choice:

- ``roll``: once per window, with the first prediction; as of the boundary, like the settled one.
- ``collection``: with every prediction; as of its observation.
- ``grid``: every ten minutes from the first prediction to the window's end, with the newest
  prediction observed by then; as of that instant.

A missing bucket between two known ones is interpolated linearly in yield, however many there
are; ``usable`` draws the line. One with nothing known on one of its sides stays missing.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.time_grid import HOUR_US
from funding_platform.core.units import TENOR_HOURS
from funding_platform.curves.inputs import Instruments, Predictions
from funding_platform.curves.phases import Phases
from funding_platform.curves.windows import LATENESS_US, N_WINDOWS, WindowGrid, compounded

MAX_INTERPOLATED = 2

Emission: TypeAlias = Literal["roll", "collection", "grid"]

GRID_US = HOUR_US // 6
"""Ten minutes."""


@dataclass(frozen=True, slots=True)
class Strips:
    """Strips as arrays of shape (n,), ``buckets`` of shape (8, n), newest first.

    ``as_of`` and ``available`` are in microseconds since the epoch, ``boundary``, where the newest
    settled window ends, in hours, ``buckets`` fractions per year and NaN where missing.
    """

    instrument: Ints
    boundary: Ints
    as_of: Ints
    available: Ints
    buckets: Floats
    n_interpolated: Ints

    @property
    def usable(self) -> Flags:
        """Whether both edges are known and few buckets interpolated, shape (n,)."""
        edges: Floats = self.buckets[0] + self.buckets[-1]
        return ~np.isnan(edges) & (self.n_interpolated <= MAX_INTERPOLATED)


def settled_strips(grid: WindowGrid, phases: Phases, start: int, end: int) -> Strips:
    """Make a strip per boundary from which any of the eight windows is known.

    Parameters
    ----------
    grid
        The windows of one phase.
    phases
        Which boundaries that phase rules.
    start, end
        Half-open range of as-of times, in microseconds since the epoch.
    """
    n_known = np.cumsum(np.append(np.zeros(N_WINDOWS, np.int64), ~np.isnan(grid.yields)))
    as_of = grid.end * HOUR_US
    wanted = (n_known[N_WINDOWS:] > n_known[:-N_WINDOWS]) & (as_of >= start) & (as_of < end)
    wanted &= phases.rules(grid.phase, grid.instrument, grid.end)
    at = np.flatnonzero(wanted)
    buckets = _windows_back(grid, at, N_WINDOWS)
    owner, boundary = grid.instrument[at], grid.end[at]
    return Strips(owner, boundary, as_of[at], grid.known[at], buckets, fill_inner(buckets))


def live_strips(
    grid: WindowGrid,
    phases: Phases,
    predictions: Predictions,
    instruments: Instruments,
    start: int,
    end: int,
    emission: Emission = "roll",
    step_us: int = GRID_US,
) -> Strips:
    """Build strips of the running window at its predicted rate and the seven that have settled.

    Only a prediction observed within the running window counts, and not one that was due at the
    boundary or before: that speaks of a window that has already settled.

    Parameters
    ----------
    grid, phases, start, end
        As for ``settled_strips``.
    predictions
        Sorted by instrument and time of observation.
    instruments
        Their names, for messages.
    emission
        When strips are emitted: see above.
    step_us
        The distance of the instants of ``grid``.

    Raises
    ------
    CurveError
        If a predicted rate cannot be compounded.
    """
    elapsed = (predictions.observed // HOUR_US - grid.phase) % TENOR_HOURS
    boundary = predictions.observed // HOUR_US - elapsed
    wanted = predictions.due > boundary
    wanted &= phases.rules(grid.phase, predictions.instrument, boundary)
    predictions, boundary = predictions.take(wanted), boundary[wanted]
    rows, as_of = _emitted(predictions, boundary, emission, step_us)
    inside = (as_of >= start) & (as_of < end)
    rows, as_of = rows[inside], as_of[inside]
    predictions, boundary = predictions.take(rows), boundary[rows]

    owner = predictions.instrument
    running = compounded(predictions.r_8h, owner, boundary + TENOR_HOURS, instruments)
    at = grid.positions(owner, boundary)
    buckets = np.vstack((running, _windows_back(grid, at, N_WINDOWS - 1)))
    known = np.where(at >= 0, np.append(grid.known, 0)[at], boundary * HOUR_US + LATENESS_US)
    available = np.maximum(np.maximum(predictions.observed, as_of), known)
    return Strips(owner, boundary, as_of, available, buckets, fill_inner(buckets))


def _emitted(
    predictions: Predictions, boundary: Ints, emission: Emission, step_us: int
) -> tuple[Ints, Ints]:
    """Choose the prediction that each live strip shows, and its as-of time in us; shape (m,)."""
    rows, observed = np.arange(len(boundary)), predictions.observed
    same = (np.diff(boundary) == 0) & (np.diff(predictions.instrument) == 0)
    if emission == "roll":
        rows = rows[np.append(True, ~same)[: len(rows)]]
        return rows, boundary[rows] * HOUR_US
    if emission == "collection":
        rows = rows[np.append(~same | (np.diff(observed) > 0), True)[: len(rows)]]
        return rows, observed[rows]
    until = (boundary + TENOR_HOURS) * HOUR_US
    until[:-1] = np.where(same, observed[1:], until[:-1])
    first, last = -(-observed // step_us), -(-until // step_us)
    rows = np.repeat(rows, last - first)
    since = np.arange(len(rows)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    return rows, (first[rows] + since) * step_us


def fill_inner(buckets: Floats) -> Ints:
    """``y[k] = y[i] + (y[j] - y[i]) * (k - i) / (j - i)`` for missing k between known i and j.

    Parameters
    ----------
    buckets
        Yields, shape (8, n), NaN where missing. Filled in place, for it is by far the largest
        array of a computation.

    Returns
    -------
    ndarray
        How many buckets were filled in each strip, shape (n,).
    """
    n_filled = np.zeros(buckets.shape[1], dtype=np.int64)
    gappy = np.flatnonzero(np.isnan(buckets[1:-1]).any(axis=0))
    strips = buckets[:, gappy]
    known = ~np.isnan(strips)
    place = np.arange(N_WINDOWS)[:, np.newaxis]
    newer = np.maximum.accumulate(np.where(known, place, -1), axis=0)
    older = np.minimum.accumulate(np.where(known, place, N_WINDOWS)[::-1], axis=0)[::-1]
    inner = ~known & (newer >= 0) & (older < N_WINDOWS)

    k, column = np.nonzero(inner)
    i, j = newer[inner], older[inner]
    low, high = strips[i, column], strips[j, column]
    strips[k, column] = low + (high - low) * (k - i) / (j - i)
    buckets[:, gappy] = strips
    n_filled[gappy] = inner.sum(axis=0)
    return n_filled


def _windows_back(grid: WindowGrid, at: Ints, n: int) -> Floats:
    """Take the yields of the ``n`` windows up to each position, newest first: shape (n, m).

    All are missing at position -1, which stands for a window that the grid does not hold.
    """
    padded = np.concatenate((np.full(n, np.nan), grid.yields))
    back = np.empty((n, len(at)))
    for k in range(n):
        np.take(padded, at + (n - k), out=back[k], mode="clip")  # unchecked, hence unbuffered
    return back
