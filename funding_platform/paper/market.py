"""What a paper account trades against: books, marks, settlements and limits of a market.

The engine asks for them at an instant and never looks ahead. Where they come from (a made-up
market, a live board with measured depth) is the affair of whoever hands one in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from funding_platform.core.trading import InstrumentLimits, OrderBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Funding of one instant: what a position is paid is ``payoffs.funding_usd``."""

    settled_at: datetime
    rate: Decimal
    mark: Decimal


class PaperMarket(Protocol):
    """A market seen at an instant."""

    def limits(self, symbol: str) -> InstrumentLimits | None:
        """Return what orders must be; None where the symbol is not listed."""

    def book(self, symbol: str, at: datetime) -> OrderBook | None:
        """Return what stands at an instant, without our own orders; None where it is unknown."""

    def mark(self, symbol: str, at: datetime) -> Decimal | None:
        """Return the price that positions are valued at; None where it is unknown."""

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        """Return what was settled after ``since`` and not after ``until``, in order."""
