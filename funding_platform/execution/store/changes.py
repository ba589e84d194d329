"""What one step of a pair writes, all of it or nothing."""

from dataclasses import dataclass, field

from funding_platform.execution.pair.pairs import LegName
from funding_platform.execution.store.records import (
    FillRecord,
    LegRecord,
    NewEvent,
    OrderRecord,
    PairRecord,
)

Key = tuple[str, str, str]
"""Venue, symbol and the venue's own name of a fill or payment."""


@dataclass(slots=True)
class Changes:
    """What one step writes.

    Parameters
    ----------
    new_pair, pair
        One that is added, or one that is as it is from now on.
    dropped_fills
        Synthetic ones whose true ones have come.
    """

    new_pair: PairRecord | None = None
    pair: PairRecord | None = None
    new_legs: list[LegRecord] = field(default_factory=list)
    legs: dict[LegName, LegRecord] = field(default_factory=dict)
    new_orders: list[OrderRecord] = field(default_factory=list)
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    fills: dict[Key, FillRecord] = field(default_factory=dict)
    dropped_fills: set[Key] = field(default_factory=set)
    events: list[NewEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)
