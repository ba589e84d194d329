"""Settlements to 8-hour windows: what settled in each, and what that yields.

A window is (start, end] and eight hours long. Its 8-hour rate is the sum of what settled in it,
so that instruments settling every 1, 2, 4 or 8 hours, or changing between them, map to one tenor:

1. A settlement counts for the whole hour nearest to it (``inputs.nearest_hour``).
2. One whose interval is longer than the tenor pays for windows before this one too. Its own
   window takes the share ``8 / interval``; the others stay missing, as they were when they ended.
3. A window covers the sum of its settlements' intervals. From eight hours on the sum stands as
   it was paid, never scaled down. From four hours on it is scaled up by ``8 / covered``. With
   fewer the window is missing.
4. A settlement of unknown interval adds its rate and covers nothing, and its window is never
   scaled up: nobody knows what it lacks.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.time_grid import HOUR_US, LATENESS, MICROSECOND
from funding_platform.core.units import TENOR_HOURS, apy
from funding_platform.curves.errors import CurveError
from funding_platform.curves.inputs import Instruments, Settlements, moment

N_WINDOWS = len(BUCKETS)
STRIP_HOURS = N_WINDOWS * TENOR_HOURS

LOOK_BACK = timedelta(hours=STRIP_HOURS)
"""The history that a strip depends on: its eight windows, its phase included."""

MIN_COVERED_HOURS = TENOR_HOURS / 2

LATENESS_US = LATENESS // MICROSECOND

_Number = TypeVar("_Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """Consecutive windows of one phase, instrument after instrument; arrays of shape (n,).

    After each window with settlements come those without, up to seven: the window k places
    earlier in the arrays is the one k tenors earlier in time, or missing, for every k below
    eight. A longer hole is cut short, so that memory follows the settlements, not the calendar.

    ``end`` is in hours since the epoch, ``yields`` a fraction per year and NaN where missing,
    ``known`` when it could be told what settled, in microseconds: at the window's end, or with the
    settlement of its last hour if that is stamped later. Where that settlement is absent and the
    window not whole without it, only the half hour in which it may still come gives certainty.
    """

    phase: int
    instrument: Ints
    end: Ints
    yields: Floats
    known: Ints

    def positions(self, instrument: Ints, end: Ints) -> Ints:
        """Find where windows stand in the arrays, -1 for those that do not; all of shape (m,)."""
        keys = sort_key(self.instrument, self.end)
        wanted = sort_key(instrument, end)
        found = np.searchsorted(keys, wanted)
        return np.where(np.append(keys, -1)[found] == wanted, found, -1)


def window_grid(settlements: Settlements, phase: int, instruments: Instruments) -> WindowGrid:
    """Lay out the windows of one phase.

    Parameters
    ----------
    settlements
        Sorted by instrument and time.
    phase
        Hour, modulo 8, at which the windows end.
    instruments
        Their names, for messages.

    Raises
    ------
    CurveError
        If the rate of a window cannot be compounded.
    """
    number = -((phase - settlements.hour) // TENOR_HOURS)
    opens = np.ones(len(number), dtype=np.bool_)
    opens[1:] = (np.diff(number) != 0) | (np.diff(settlements.instrument) != 0)
    first, closes = np.flatnonzero(opens), np.roll(opens, -1)

    instrument, number = settlements.instrument[first], number[first]
    end = number * TENOR_HOURS + phase
    rates, covered = _rates_8h(settlements, first)
    yields = compounded(rates, instrument, end, instruments)
    known = np.maximum(end * HOUR_US, settlements.time[closes])
    sure = (settlements.hour[closes] == end) | (covered >= TENOR_HOURS)
    known[~sure] = end[~sure] * HOUR_US + LATENESS_US

    places = np.minimum(np.diff(number, append=0), N_WINDOWS)
    places[np.diff(instrument, append=-1) != 0] = N_WINDOWS
    total = int(places.sum())
    position = np.cumsum(places) - places
    tenors_since = np.arange(total) - np.repeat(position, places)
    ends = np.repeat(end, places) + TENOR_HOURS * tenors_since
    return WindowGrid(
        phase,
        np.repeat(instrument, places),
        ends,
        _spread(yields, position, np.full(total, np.nan)),
        _spread(known, position, ends * HOUR_US + LATENESS_US),
    )


def compounded(r_8h: Floats, instrument: Ints, end: Ints, instruments: Instruments) -> Floats:
    """``(1 + r_8h) ** 1095 - 1``, NaN where the rate is.

    Parameters
    ----------
    r_8h
        Fraction of notional per eight hours, shape (n,).
    instrument, end
        Whose window it is and the hour at which it ends, shape (n,).
    instruments
        Their names, for messages.

    Raises
    ------
    CurveError
        If a rate takes the whole notional, or its yield is larger than any float. That begins
        at 91 % in eight hours, and no venue's cap lets a market get there.
    """
    with np.errstate(over="ignore"):
        yields = apy(r_8h)
    absurd = np.isinf(yields) | (r_8h <= -1.0)
    if absurd.any():
        row = int(np.argmax(absurd))
        raise CurveError(
            f"{instruments.describe(int(instrument[row]))}: the rates of the eight hours to "
            f"{moment(int(end[row]) * HOUR_US)} add up to {r_8h[row]:.4g}, which no year compounds",
            hint="look for a unit mistake (percent for fraction) or overlapping rows there",
        )
    return yields


def sort_key(instrument: Ints, hour: Ints) -> Ints:
    """Make an integer that sorts as (instrument, hour) does; hours since the epoch, not before."""
    return (instrument << 32) | hour


def _rates_8h(settlements: Settlements, first: Ints) -> tuple[Floats, Floats]:
    """Find each window's 8-hour rate, NaN where too little settled, and the hours it covers."""
    interval = settlements.interval
    unknown = np.isnan(interval)
    share = np.fmin(1.0, TENOR_HOURS / interval)  # an unknown interval counts whole
    total = np.add.reduceat(settlements.rate * share, first)
    hours = np.where(unknown, 0.0, np.minimum(interval, TENOR_HOURS))
    covered = np.add.reduceat(hours, first)
    scale = TENOR_HOURS / np.clip(covered, MIN_COVERED_HOURS, TENOR_HOURS)
    scale[np.logical_or.reduceat(unknown, first)] = 1.0
    return np.where(covered >= MIN_COVERED_HOURS, total * scale, np.nan), covered


def _spread(values: NDArray[_Number], position: Ints, blank: NDArray[_Number]) -> NDArray[_Number]:
    """Fill ``blank`` with the values at their positions."""
    blank[position] = values
    return blank
