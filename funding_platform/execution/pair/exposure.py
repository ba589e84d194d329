"""What fills make of a leg: base that follows the price, and US dollars.

A linear fill is its quantity of base. In US dollars, its collateral hedged, an inverse contract of
``N`` dollars that was opened at ``e`` is ``N / e`` of base. What closes takes its share of that, so
that for both kinds::

    cash    = sum of -change of base * price
    trading = cash + base held * mark

which of an inverse leg is each close at the price of that instant, and what is open at the mark.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from funding_platform.core.trading import ZERO, payoffs
from funding_platform.execution.store.records import FillRecord


@dataclass(frozen=True, slots=True)
class Traded:
    """A fill, and what it did to the base of its leg; negative where it sold."""

    fill: FillRecord
    base: Decimal

    @property
    def cash_usd(self) -> Decimal:
        """What it did to the account, without its fee."""
        return -self.base * self.fill.price


def traded(inverse: bool, fills: Iterable[FillRecord]) -> list[Traded]:
    """Return the fills of one leg with their base, oldest first."""
    held = base = ZERO
    found = []
    for fill in sorted(fills, key=lambda one: (one.filled_at, one.fill_id)):
        change = payoffs.base_change(inverse, held, base, fill.signed, fill.price)
        found.append(Traded(fill, change))
        held, base = held + fill.signed, base + change
    return found


def trading_usd(trades: Iterable[Traded], mark: Decimal) -> Decimal:
    """Return what the trades of a leg have brought, with what is held at its mark."""
    return sum((one.cash_usd + one.base * mark for one in trades), ZERO)
