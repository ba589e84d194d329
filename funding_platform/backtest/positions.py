"""The positions that a strategy is shown: one by one, and as columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from funding_platform.backtest.panel import US_PER_HOUR, Floats, Ints
from funding_platform.core.time_grid import EPOCH


@dataclass(frozen=True, slots=True)
class Position:
    """A position that is open, or whose opening is on its way.

    Parameters
    ----------
    long, short
        Rows of ``market.instruments``; None where it has no such leg.
    ordered_us
        When it was decided on, in microseconds since the epoch.
    memo
        What the strategy wrote on the order.
    closing
        Whether an order to close it is on its way.
    """

    position_id: int
    long: int | None
    short: int | None
    ordered_us: int
    memo: float
    closing: bool = False

    @property
    def ordered_at(self) -> datetime:
        """When it was decided on."""
        return EPOCH + timedelta(microseconds=self.ordered_us)

    def age_hours(self, now_us: int) -> float:
        """Hours since it was decided on."""
        return (now_us - self.ordered_us) / US_PER_HOUR


class Book:
    """Positions in the order in which they were decided on; the columns are theirs, in order.

    ``room`` is how many more ``max_positions`` allows.
    """

    def __init__(self, positions: Iterable[Position], room: int) -> None:
        self._positions = tuple(positions)
        self.room = room

    def __iter__(self) -> Iterator[Position]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)

    @cached_property
    def position_id(self) -> Ints:
        """Number of each."""
        return _column([one.position_id for one in self])

    @cached_property
    def long(self) -> Ints:
        """Long legs; -1 where there is none."""
        return _column([-1 if one.long is None else one.long for one in self])

    @cached_property
    def short(self) -> Ints:
        """Short legs; -1 where there is none."""
        return _column([-1 if one.short is None else one.short for one in self])

    @cached_property
    def ordered_us(self) -> Ints:
        """When each was decided on."""
        return _column([one.ordered_us for one in self])

    @cached_property
    def memo(self) -> Floats:
        """What the strategy wrote on each."""
        return np.array([one.memo for one in self], dtype=np.float64)

    @cached_property
    def closing(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which are being closed."""
        return np.array([one.closing for one in self], dtype=np.bool_)


def _column(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
