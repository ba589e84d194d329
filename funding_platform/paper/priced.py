"""A market without friction: any quantity at one price, which whoever holds it sets.

What a backtest assumes that fills at a price of a table, to compare the two to the cent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import InstrumentLimits, Level, OrderBook
from funding_platform.paper.market import Settlement

BOTTOMLESS: Final = Decimal(10) ** 12
"""What stands at the price: more than anybody orders, and exact in sums."""

_FINE: Final = Decimal("1E-9")


class PricedMarket:
    """One price per symbol that buys and sells alike, and is the mark.

    Parameters
    ----------
    prices
        To begin with; ``set_price`` changes one or lists another.
    limits
        What orders must be; a billionth of a unit and no minimum where it says nothing.
    """

    def __init__(
        self,
        prices: Mapping[str, Decimal],
        limits: Mapping[str, InstrumentLimits] | None = None,
    ) -> None:
        self._prices = dict(prices)
        self._limits = dict(limits or {})
        self._settlements: dict[str, list[Settlement]] = {}

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Move a price."""
        self._prices[symbol] = price

    def settle(self, symbol: str, settlement: Settlement) -> None:
        """Make a settlement known; later than all before it."""
        self._settlements.setdefault(symbol, []).append(settlement)

    def limits(self, symbol: str) -> InstrumentLimits | None:
        """Return what orders must be; None where the symbol is not listed."""
        if symbol not in self._prices:
            return None
        return self._limits.get(symbol) or InstrumentLimits(
            venue_symbol=symbol, quantity_step=_FINE, price_step=_FINE, min_quantity=_FINE
        )

    def book(self, symbol: str, at: datetime) -> OrderBook | None:
        """Return the price on both sides, with more than anybody orders."""
        price = self._prices.get(symbol)
        if price is None:
            return None
        level = (Level(price, BOTTOMLESS),)
        return OrderBook(venue_symbol=symbol, bids=level, asks=level, seen_at=at)

    def mark(self, symbol: str, at: datetime) -> Decimal | None:
        """Return the price."""
        return self._prices.get(symbol)

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        """Return what was settled after ``since`` and not after ``until``, in order."""
        known = self._settlements.get(symbol, ())
        return [x for x in known if since < x.settled_at <= until]
