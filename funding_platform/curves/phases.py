"""The phase of an instrument: the hours, modulo eight, at which its windows end.

Windows end at 00, 08 and 16 UTC, except where 8-hour settlements fall on other hours (04, 12, 20
on BitMEX and KuCoin): a grid that cuts between two settlements would see each of them hours late.

The rule: seen from a boundary, the phase is the hour modulo 8 of the instrument's latest
8-hour settlement within the strip's 64 hours, and 0 if there is none. It follows that

- only intervals of exactly eight hours, stated or inferred, move an instrument off the common
  grid; 24 hours and unknown intervals do not;
- an instrument that begins to settle every eight hours off the grid leaves it with its first
  such settlement, and one that ends to, returns as soon as its strip holds no more of them;
- all windows of a strip have one phase, and nothing after the boundary has a say in it.
"""

from collections.abc import Iterator

import numpy as np

from funding_platform.core.arrays import Flags, Ints
from funding_platform.core.units import TENOR_HOURS
from funding_platform.curves.inputs import Settlements
from funding_platform.curves.windows import STRIP_HOURS, sort_key


class Phases:
    """Which phase rules the boundaries of an instrument, at any hour.

    Parameters
    ----------
    settlements
        Sorted by instrument and time.
    n_instruments
        How many instruments are numbered; some may have no settlement.
    """

    def __init__(self, settlements: Settlements, n_instruments: int) -> None:
        self._settlements = settlements
        anchors = settlements.interval == TENOR_HOURS
        self._instrument = settlements.instrument[anchors]
        self._hour = settlements.hour[anchors]
        self._possible = np.zeros((TENOR_HOURS, n_instruments), dtype=np.bool_)
        self._possible[self._hour % TENOR_HOURS, self._instrument] = True
        self._possible[0] = True
        self._leaves_grid = np.zeros(n_instruments, dtype=np.bool_)
        self._leaves_grid[self._instrument[self._hour % TENOR_HOURS != 0]] = True

    def __iter__(self) -> Iterator[int]:
        """Iterate over the phases that some instrument may have."""
        return iter(np.flatnonzero(self._possible.any(axis=1)).tolist())

    def settlements(self, phase: int) -> Settlements:
        """Return the settlements of the instruments that may have the phase."""
        if phase == 0:
            return self._settlements
        members: Flags = self._possible[phase]
        return self._settlements.take(members[self._settlements.instrument])

    def rules(self, phase: int, instrument: Ints, hour: Ints) -> Flags:
        """Tell whether the phase rules the instruments at the hours; all of shape (n,)."""
        ruling = np.full(len(hour), phase == 0)
        contested = np.flatnonzero(self._leaves_grid[instrument])
        if len(contested):
            at, who = hour[contested], instrument[contested]
            keys = sort_key(self._instrument, self._hour)
            anchor = np.searchsorted(keys, sort_key(who, at), side="right") - 1
            reached = (
                (anchor >= 0)
                & (self._instrument[anchor] == who)
                & (at - self._hour[anchor] < STRIP_HOURS)
            )
            ruling[contested] = np.where(reached, self._hour[anchor] % TENOR_HOURS, 0) == phase
        return ruling
