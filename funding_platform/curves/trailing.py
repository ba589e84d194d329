"""How unusual a value is against the instrument's own four weeks before it.

Sums over a trailing window, each taken over the window's own members in a fixed order, never as the
difference of two running totals: what lies before the window then has no say, not even in the last
digit, and a month computed alone equals the month computed as part of a year.
"""

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.time_grid import HOUR
from funding_platform.curves.shape import MIN_YIELD
from funding_platform.curves.windows import sort_key

TRAILING = timedelta(days=28)
"""Four weeks: whole weeks, because funding has a weekly cycle, and never longer than a month."""

MIN_TRAILING = 21
"""A week of windows: fewer say little about a spread."""

_TRAILING_HOURS = TRAILING // HOUR


class TrailingWindows:
    """For each of some curves, the settled strips of the four weeks before it.

    The hours are cut into blocks of 28 days. The 28 days before any hour are a tail of one block
    and a head of the next, so two cumulative sums per block, one from either end, hold the sum
    over every window.

    Parameters
    ----------
    owner, hour
        Instrument and as-of hour of the settled strips, sorted by both; shape (n,).
    of, before
        Of each curve the instrument, and the first hour that is not before it; shape (m,).
    """

    def __init__(self, owner: Ints, hour: Ints, of: Ints, before: Ints) -> None:
        keys = sort_key(owner, hour)
        low = np.searchsorted(keys, sort_key(of, before - _TRAILING_HOURS))
        high = np.searchsorted(keys, sort_key(of, before))
        block = hour // _TRAILING_HOURS
        opens = np.ones(len(hour), dtype=np.bool_)
        opens[1:] = (np.diff(block) != 0) | (np.diff(owner) != 0)
        starts = np.flatnonzero(opens)
        lengths = np.diff(starts, append=len(hour))
        # One block per line, padded at its end; the cell before all others stands for no strip.
        self._shape = (len(starts), int(lengths.max(initial=0)))
        cell = np.arange(len(hour)) + np.repeat(
            self._shape[1] * np.arange(len(starts)) - starts, lengths
        )
        self._cell = cell + 1
        padded, blocks = np.append(self._cell, 0), np.append(block, -1)
        current = before // _TRAILING_HOURS
        last = high - 1
        some = high > low
        self._tail = np.where(some & (blocks[low] < current), padded[low], 0)
        self._head = np.where(some & (blocks[last] == current), padded[last], 0)

    def scores(self, values: Floats, own: Floats) -> Floats:
        """``(own - mean) / max(s, 0.01)`` with mean and sample deviation of the trailing values.

        Parameters
        ----------
        values
            Of the settled strips, shape (n,); NaN ones are left out.
        own
            Of the curves, shape (m,).

        Returns
        -------
        ndarray
            Shape (m,), NaN where fewer than 21 trailing values are known.
        """
        known = ~np.isnan(values)
        filled = np.where(known, values, 0.0)
        n = self._sums(known)
        total, squares = self._sums(filled), self._sums(filled * filled)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total / n
            variance = (squares - total * mean) / (n - 1.0)
            deviation = np.sqrt(np.maximum(variance, MIN_YIELD**2))
            return np.where(n >= MIN_TRAILING, (own - mean) / deviation, np.nan)

    def _sums(self, values: NDArray[Any]) -> Floats:
        """Sum over each curve's trailing window, shape (m,)."""
        cells = np.zeros(1 + self._shape[0] * self._shape[1])
        cells[self._cell] = values
        sums = np.zeros_like(cells)
        blocks, out = cells[1:].reshape(self._shape), sums[1:].reshape(self._shape)
        np.cumsum(blocks, axis=1, out=out)
        heads = sums[self._head]
        np.cumsum(blocks[:, ::-1], axis=1, out=out[:, ::-1])
        return np.asarray(heads + sums[self._tail])
