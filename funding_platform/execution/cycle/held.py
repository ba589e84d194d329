"""What is held, as decisions and strategies see it: a ``Book`` over pairs that are handed in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.time_grid import to_us
from funding_platform.execution.cycle.market import LatestMarket
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.strategies.contract import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPair:
    """A pair that is open, or on its way in or out.

    Parameters
    ----------
    pair_id
        Its name in the store.
    notional_usd
        Of one leg, at entry.
    ordered_at
        When it was decided on.
    memo
        What the strategy wrote on its order.
    divergence_8h
        The predicted divergence when it was decided on; None where that was not known.
    pnl_usd
        What it has earned, all its costs so far paid; None where a leg has no price.
    closing
        Whether it is on its way out.
    """

    pair_id: str
    base: str
    long: InstrumentRef
    short: InstrumentRef
    notional_usd: float
    ordered_at: datetime
    memo: float = 0.0
    divergence_8h: float | None = None
    pnl_usd: float | None = None
    closing: bool = False


@dataclass(frozen=True)
class HeldBook:
    """A ``Book`` of what a trader holds; the number of a position is its place in ``pairs``.

    Parameters
    ----------
    pairs
        In the order in which they were decided on.
    market
        Has a row for every leg of them.
    max_pairs
        How many may be held.
    equity_usd, free_usd
        Of all accounts together.
    leaving
        How many of them are closed before anything is opened.
    """

    pairs: Sequence[HeldPair]
    market: LatestMarket
    max_pairs: int
    equity_usd: float
    free_usd: float
    leaving: int = 0

    @property
    def room(self) -> int:
        """How many more positions may be held."""
        return max(0, self.max_pairs - len(self.pairs) + self.leaving)

    @cached_property
    def pnl_usd(self) -> Floats:
        """What each has earned, all its costs so far paid; NaN where it has no price."""
        earned = [np.nan if pair.pnl_usd is None else pair.pnl_usd for pair in self.pairs]
        return np.array(earned, dtype=np.float64)

    @cached_property
    def position_id(self) -> Ints:
        """Number of each."""
        return np.arange(len(self.pairs), dtype=np.int64)

    @cached_property
    def long(self) -> Ints:
        """Long legs, as rows of ``market.instruments``."""
        return self._rows([pair.long for pair in self.pairs])

    @cached_property
    def short(self) -> Ints:
        """Short legs, as rows of ``market.instruments``."""
        return self._rows([pair.short for pair in self.pairs])

    @cached_property
    def ordered_us(self) -> Ints:
        """When each was decided on, in microseconds since the epoch."""
        return np.array([to_us(pair.ordered_at) for pair in self.pairs], dtype=np.int64)

    @cached_property
    def memo(self) -> Floats:
        """What the strategy wrote on each."""
        return np.array([pair.memo for pair in self.pairs], dtype=np.float64)

    @cached_property
    def closing(self) -> Flags:
        """Which are being closed."""
        return np.array([pair.closing for pair in self.pairs], dtype=np.bool_)

    def __iter__(self) -> Iterator[Position]:
        """Yield what is held, one by one."""
        for number, pair in enumerate(self.pairs):
            yield Position(
                position_id=number,
                long=int(self.long[number]),
                short=int(self.short[number]),
                ordered_us=int(self.ordered_us[number]),
                memo=pair.memo,
                closing=pair.closing,
            )

    def __len__(self) -> int:
        return len(self.pairs)

    def _rows(self, legs: Sequence[InstrumentRef]) -> Ints:
        return np.array([self.market.row[leg] for leg in legs], dtype=np.int64)
