"""What an account holds and what it is worth.

Two identities hold after every step, to the last digit::

    cash   = deposits + realised + funding - fees
    equity = cash + unrealised

Amounts are rounded once, when they arise (``rules.money``), and only added up afterwards.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from funding_platform.core.trading import ZERO
from funding_platform.paper.rules import money


@dataclass(slots=True)
class Position:
    """What is held of one symbol.

    Parameters
    ----------
    quantity
        Canonical base; negative when short.
    cost_usd
        What was paid for it; negative when short.
    """

    quantity: Decimal
    cost_usd: Decimal

    @property
    def entry_price(self) -> Decimal:
        """Average price of what is held."""
        return self.cost_usd / self.quantity

    def unrealized_usd(self, mark: Decimal) -> Decimal:
        """``quantity * mark - cost``."""
        return money(self.quantity * mark) - self.cost_usd


@dataclass(slots=True)
class Account:
    """Cash by where it came from, positions, and the prices that they are valued at.

    Parameters
    ----------
    marks
        Of every symbol that is held or was ordered: the last that was known.
    """

    deposits_usd: Decimal = ZERO
    realized_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    positions: dict[str, Position] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)

    @property
    def cash_usd(self) -> Decimal:
        """``deposits + realised + funding - fees``."""
        return self.deposits_usd + self.realized_usd + self.funding_usd - self.fees_usd

    @property
    def equity_usd(self) -> Decimal:
        """``cash + unrealised``."""
        held = self.positions.items()
        return self.cash_usd + sum((p.unrealized_usd(self.marks[s]) for s, p in held), ZERO)

    @property
    def value_usd(self) -> Decimal:
        """Size of all positions together."""
        return sum((self.size_usd(symbol) for symbol in self.positions), ZERO)

    def size_usd(self, symbol: str) -> Decimal:
        """``|quantity| * mark``."""
        return money(abs(self.quantity(symbol)) * self.marks[symbol])

    def quantity(self, symbol: str) -> Decimal:
        """Return what is held of a symbol; 0 where nothing is."""
        position = self.positions.get(symbol)
        return position.quantity if position else ZERO

    def trade(self, symbol: str, change: Decimal, price: Decimal, fee_usd: Decimal) -> None:
        """Add a signed quantity at a price: close what is against it first, open with the rest."""
        self.fees_usd += fee_usd
        self.marks.setdefault(symbol, price)
        held = self.positions.pop(symbol, None) or Position(ZERO, ZERO)
        if held.quantity * change < 0:
            closing = max(change, -held.quantity) if change < 0 else min(change, -held.quantity)
            change -= closing
            # All of the cost goes with the last of the position, so that no rest is left behind.
            part = -closing / held.quantity
            released = held.cost_usd if part == 1 else money(held.cost_usd * part)
            self.realized_usd -= money(closing * price) + released
            held.quantity += closing
            held.cost_usd -= released
        held.quantity += change
        held.cost_usd += money(change * price)
        if held.quantity:
            self.positions[symbol] = held
