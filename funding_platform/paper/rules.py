"""What an account has to keep to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import ZERO, FeeRates

BASIS_POINT: Final = Decimal("0.0001")

_MONEY: Final = Decimal("1E-12")
"""Amounts are whole numbers of these, so that sums of them are exact and identities hold."""


def money(amount: Decimal) -> Decimal:
    """Round an amount of US dollars to the unit that accounts are kept in."""
    return amount.quantize(_MONEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRules:
    """What fills cost, what positions need, and what the venue puts up with.

    Parameters
    ----------
    fees
        What a fill costs, where ``fees_now`` does not say it.
    fees_now
        Says what a fill costs now, None where that is not known; None where it never changes.
    initial_margin
        What a position needs when it is opened, as a fraction of its value.
    coin_collateral
        Collateral of its own that an inverse position gets when it is opened, as a fraction of its
        value; 0 where the whole account stands behind it, as behind linear ones.
    maintenance_margin
        Equity below this fraction of the value of all positions is liquidated; so is a position
        whose own collateral, with its profit, is below this fraction of its value.
    liquidation_bps
        What the venue charges for it, instead of the taker's fee.
    orders_per_second
        Orders that it takes within any second; None where it takes all.
    ids_stay_used
        Whether the id of an order that is over is refused, too. Most venues accept it, which makes
        a second order of a repeat.
    settlement_lateness
        How late a settlement may become known and is still paid.
    """

    fees: FeeRates = field(
        default_factory=lambda: FeeRates(maker_bps=Decimal(2), taker_bps=Decimal(5))
    )
    fees_now: Callable[[], FeeRates | None] | None = None
    initial_margin: Decimal = Decimal("0.1")
    coin_collateral: Decimal = Decimal(1)
    maintenance_margin: Decimal = Decimal("0.03")
    liquidation_bps: Decimal = Decimal(50)
    orders_per_second: int | None = None
    ids_stay_used: bool = False
    settlement_lateness: timedelta = timedelta(0)

    def known_fees(self) -> FeeRates | None:
        """Return what a fill costs now; None where nobody knows."""
        return self.fees if self.fees_now is None else self.fees_now()

    def fee(self, value: Decimal, *, maker: bool) -> Decimal:
        """Return what a fill of a value in US dollars costs."""
        fees = self.known_fees() or self.fees
        bps = fees.maker_bps if maker else fees.taker_bps
        return money(value * bps * BASIS_POINT)


FREE: Final = PaperRules(
    fees=FeeRates(maker_bps=ZERO, taker_bps=ZERO),
    initial_margin=ZERO,
    coin_collateral=ZERO,
    maintenance_margin=ZERO,
    liquidation_bps=ZERO,
)
"""Nothing costs anything and nothing is ever taken away: what a backtest without costs assumes."""
