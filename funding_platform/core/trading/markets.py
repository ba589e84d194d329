"""What an order must be, and what stands against it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal

from funding_platform.core.symbols import ContractType
from funding_platform.core.trading.orders import ZERO, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentLimits:
    """What an order must be, in the units of ``core.trading``.

    Parameters
    ----------
    quantity_step, price_step
        Every quantity and price is a whole number of these.
    min_quantity
        Smallest order.
    min_notional_usd
        Smallest value of an order; reduce-only orders are exempt where ``dust_closes``.
    max_quantity
        Largest order; None where the venue states none.
    price_band
        How far a limit price may be from the mark, as a fraction of it; None where any may be.
    dust_closes
        Whether a reduce-only order may be smaller than the minimum.
    trading
        Whether it can be traded now.
    contract_type
        Whether quantities are base or US dollars, and what they are worth.
    """

    venue_symbol: str
    quantity_step: Decimal
    price_step: Decimal
    min_quantity: Decimal
    min_notional_usd: Decimal = ZERO
    max_quantity: Decimal | None = None
    price_band: Decimal | None = None
    dust_closes: bool = True
    trading: bool = True
    contract_type: ContractType = "linear"

    @property
    def inverse(self) -> bool:
        """Whether it is for US dollars, and pays in base."""
        return self.contract_type == "inverse"

    def nearest_quantity(self, quantity: Decimal) -> Decimal:
        """Return the nearest whole number of steps."""
        return _whole_steps(quantity, self.quantity_step, ROUND_HALF_EVEN)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """Return the largest whole number of steps that is not more."""
        return _whole_steps(quantity, self.quantity_step, ROUND_DOWN)

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """Return the nearest step that is not worse than asked: down to buy, up to sell."""
        rounding = ROUND_DOWN if side is Side.BUY else ROUND_UP
        return _whole_steps(price, self.price_step, rounding)

    def on_step(self, quantity: Decimal) -> bool:
        """Tell whether a quantity is a whole number of steps."""
        return self.nearest_quantity(quantity) == quantity

    def on_price_step(self, price: Decimal) -> bool:
        """Tell whether a price is a whole number of steps."""
        return _whole_steps(price, self.price_step, ROUND_HALF_EVEN) == price


@dataclass(frozen=True, slots=True)
class Level:
    """One price of a book and what stands there: base, or US dollars of an inverse contract."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBook:
    """What stands on both sides, best first.

    Parameters
    ----------
    seen_at
        When it was so, by the venue's clock, or ours where it states none.
    """

    venue_symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    seen_at: datetime

    @property
    def bid(self) -> Level | None:
        """Best bid; None where nobody buys."""
        return self.bids[0] if self.bids else None

    @property
    def ask(self) -> Level | None:
        """Best ask; None where nobody sells."""
        return self.asks[0] if self.asks else None

    @property
    def mid(self) -> Decimal | None:
        """(bid + ask) / 2; None where a side is empty."""
        return (self.bids[0].price + self.asks[0].price) / 2 if self.bids and self.asks else None

    def against(self, side: Side) -> tuple[Level, ...]:
        """Return the levels that an order of this side takes."""
        return self.asks if side is Side.BUY else self.bids


def _whole_steps(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return ``value`` as a whole number of steps."""
    return (value / step).to_integral_value(rounding=rounding) * step
