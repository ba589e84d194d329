"""What a market has through time: settlements, bars and open interest, as arrays."""

from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from funding_platform.core.time_grid import HOUR_MS

PriceKind = Literal["mark", "index", "trade"]
"""What a bar of a perpetual is made of, one of ``core.tables.prices.PRICE_KINDS``."""

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


class Settlements(NamedTuple):
    """Settled rates of one contract, oldest first: arrays of equal length.

    ``marks`` is ``None`` where the market has no mark prices, and NaN in rows without one.
    """

    times_ms: Times
    rates: Values
    marks: Values | None

    def slice(self, rows: slice) -> "Settlements":
        """Return some of the rows, without copying them."""
        marks = None if self.marks is None else self.marks[rows]
        return Settlements(self.times_ms[rows], self.rates[rows], marks)

    def until(self, at_ms: int) -> "Settlements":
        """Return the rows settled at or before a moment."""
        return self.slice(slice(0, int(np.searchsorted(self.times_ms, at_ms, side="right"))))


class Span(NamedTuple):
    """Rows that a request selects: of those between two bounds the oldest or the newest so many.

    Both bounds are inclusive, ``None`` is open.
    """

    start_ms: int | None
    end_ms: int | None
    limit: int
    newest: bool = True

    def on_grid(self, first_ms: int, last_ms: int, step_ms: int) -> Times:
        """Select from the multiples of ``step_ms`` between a first and a last moment."""
        start = first_ms if self.start_ms is None else max(first_ms, self.start_ms)
        end = last_ms if self.end_ms is None else min(last_ms, self.end_ms)
        first, last = -(-start // step_ms), end // step_ms
        if self.newest:
            first = max(first, last - self.limit + 1)
        else:
            last = min(last, first + self.limit - 1)
        return np.arange(first, last + 1, dtype=np.int64) * step_ms


class Candles(NamedTuple):
    """Hourly bars, oldest first: arrays of equal length. The last one may still be under way.

    An hour without a deal stands at the last price before it, with a volume of 0. ``volumes`` are
    in base units and ``turnovers`` in the quote; NaN where the market does not know them, as of
    mark and index.
    """

    opens_ms: Times
    opens: Values
    highs: Values
    lows: Values
    closes: Values
    volumes: Values
    turnovers: Values

    def slice(self, rows: "slice | npt.NDArray[np.bool_]") -> "Candles":
        """Return some of the bars."""
        return Candles(self.opens_ms[rows], *(column[rows] for column in self[1:]))

    @property
    def newest_first(self) -> "Candles":
        """The same bars in the order of venues that begin with the latest."""
        return self.slice(slice(None, None, -1))

    @property
    def ends_ms(self) -> Times:
        """When each bar ends."""
        return self.opens_ms + HOUR_MS


_NOTHING = np.empty(0)
NO_CANDLES: Final = Candles(np.empty(0, dtype=np.int64), *([_NOTHING] * 6))
"""What a market has that knows no bars of a contract."""


class OpenInterest(NamedTuple):
    """One-sided open interest at moments, oldest first: in base units and in the quote.

    NaN where one of the two is not known.
    """

    times_ms: Times
    base: Values
    value: Values

    def slice(self, rows: "slice | npt.NDArray[np.bool_]") -> "OpenInterest":
        """Return some of the rows."""
        return OpenInterest(self.times_ms[rows], *(column[rows] for column in self[1:]))


NO_OPEN_INTEREST: Final = OpenInterest(np.empty(0, dtype=np.int64), _NOTHING, _NOTHING)
"""What a market has that does not know the open interest of a contract through time."""
