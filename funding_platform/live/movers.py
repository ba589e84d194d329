"""What rates were an hour ago, to tell how far they have moved since."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Floats
from funding_platform.core.time_grid import HOUR
from funding_platform.live.board.view import BoardView

EVERY: Final = timedelta(minutes=1)


class RatesBefore:
    """Remembers the predicted rates of the last hour, by the minute.

    Bounded: sixty arrays of one number per instrument.
    """

    def __init__(self) -> None:
        self._known: deque[tuple[datetime, Floats]] = deque()

    def note(self, view: BoardView, now: datetime) -> pl.Series:
        """Remember a board, and return ``rate_before`` of each of its instruments.

        It is the rate of an hour ago, or the first that was seen since; null for an instrument of
        which none is known. A clock that was set back begins anew.
        """
        if self._known and now < self._known[-1][0]:
            self._known.clear()
        while len(self._known) > 1 and now - self._known[1][0] >= HOUR:
            self._known.popleft()
        rates = view.column("predicted_rate")
        if not self._known or now - self._known[-1][0] >= EVERY:
            self._known.append((now, rates))
        before = np.full(len(view), np.nan)
        for _, known in reversed(self._known):
            seen = ~np.isnan(known)
            before[: len(known)][seen] = known[seen]
        return pl.Series("rate_before", before, nan_to_null=True)
