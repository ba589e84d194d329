"""What a strategy is: an object that sees the market and its book, and gives orders.

It is asked once per decision time, sees only what was known then, and keeps no state that the book
could keep for it: the same market and book, the same orders.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from funding_platform.backtest.market import Market
from funding_platform.backtest.positions import Book

MAX_HOURS: Final = 24.0 * 366 * 10
"""Ten years, the longest span a configuration may name: about as long as perpetuals have existed,
and added to any time of a run it is still a date."""


@dataclass(frozen=True, slots=True)
class Open:
    """Open a position of one or two legs.

    Parameters
    ----------
    long, short
        Rows of ``market.instruments``; None for a position of one leg.
    size_usd
        Notional of each leg; ``position_usd`` of the configuration when None.
    memo
        A number to be found again on the position, such as the divergence at entry.
    """

    long: int | None
    short: int | None
    size_usd: float | None = None
    memo: float = 0.0


@dataclass(frozen=True, slots=True)
class Close:
    """Close all legs of a position, for a reason that the trades will carry.

    The reason is a word or more, and none of ``books.EXIT_REASONS``: those say that the engine
    closed it.
    """

    position_id: int
    reason: str


Order = Open | Close


@runtime_checkable
class Strategy(Protocol):
    """What ``run_backtest`` asks, decision by decision."""

    def decide(self, market: Market, book: Book) -> Iterable[Order]:
        """Orders at ``market.time``, most wanted first: they compete for capital in this order."""
        ...
