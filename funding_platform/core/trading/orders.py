"""The words of trading: what is ordered, what a venue says became of it, and what is held.

Quantities are in canonical base and prices in quote units per canonical base, as everywhere;
whoever speaks to a venue converts into its contracts and back, and nobody else. They are decimals:
a step of 0.001 has no exact binary fraction, and an order must be a whole number of steps. Amounts
in US dollars are signed from the account's point of view: what it receives is positive.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal
from enum import StrEnum
from typing import Final

ZERO: Final = Decimal(0)


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """What it does to a position: 1 adds, -1 takes away."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The side that undoes it."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderKind(StrEnum):
    """How the price of an order is found."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order may wait."""

    GOOD_TILL_CANCEL = "gtc"
    IMMEDIATE_OR_CANCEL = "ioc"
    POST_ONLY = "post_only"


class OrderState(StrEnum):
    """What became of an order, as far as the venue has said.

    ``UNKNOWN`` is a state of its own: the order was sent and nobody has said what became of it. It
    is neither failed nor open, and ends only with a word of the venue.
    """

    UNKNOWN = "unknown"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"

    @property
    def final(self) -> bool:
        """Whether nothing more can come of it, but for a report that is late."""
        return self in {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED}


class RejectReason(StrEnum):
    """Why a venue declines an order; what it says beyond that stands in the message."""

    INSUFFICIENT_MARGIN = "insufficient_margin"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    OFF_STEP = "off_step"
    PRICE_OUT_OF_BAND = "price_out_of_band"
    WOULD_TAKE = "would_take"
    WOULD_INCREASE = "would_increase"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_SYMBOL = "unknown_symbol"
    NOT_TRADING = "not_trading"
    RATE_LIMITED = "rate_limited"
    POSITION_LIMIT = "position_limit"
    NO_LIQUIDITY = "no_liquidity"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order as it is sent; the same in every try of it.

    Parameters
    ----------
    client_id
        Our own name of it, never given twice: the only way to learn what became of an order whose
        answer was lost.
    quantity
        Canonical base, positive.
    limit_price
        The worst price that is accepted; None only for a market order without a bound.
    reduce_only
        Whether it may only make a position smaller, whatever is left of that when it fills.
    """

    client_id: str
    venue_symbol: str
    side: Side
    quantity: Decimal
    kind: OrderKind = OrderKind.LIMIT
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCEL
    reduce_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What a venue says of an order.

    Parameters
    ----------
    venue_order_id
        The venue's name of it; None while it has not given one.
    filled
        Canonical base filled so far, of all its fills together.
    average_price
        Of what is filled; None while nothing is.
    reason
        Why it was rejected; None otherwise.
    message
        The venue's own words on that.
    updated_at
        When the venue last changed it, by its own clock.
    """

    client_id: str
    venue_symbol: str
    state: OrderState
    side: Side
    quantity: Decimal
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    venue_order_id: str | None = None
    reduce_only: bool = False
    reason: RejectReason | None = None
    message: str = ""
    updated_at: datetime | None = None

    @property
    def remaining(self) -> Decimal:
        """What is not filled."""
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One trade of an order. It is known by ``fill_id``: a report that comes twice is one fill.

    Parameters
    ----------
    client_id
        The order; None where the venue does not say, as for a liquidation.
    fee_usd
        What was paid; negative is a rebate.
    maker
        Whether the order was resting.
    liquidation
        Whether the venue traded, not we.
    """

    fill_id: str
    client_id: str | None
    venue_symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee_usd: Decimal
    filled_at: datetime
    maker: bool = False
    liquidation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position on one venue, one per symbol: accounts are in one-way mode.

    Parameters
    ----------
    quantity
        Canonical base; negative when short.
    entry_price
        Average price of what is held.
    mark_price
        Price that it is valued at.
    margin_usd
        What it needs to be kept.
    liquidation_price
        Where the venue takes it; None where it cannot say.
    """

    venue_symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin_usd: Decimal
    liquidation_price: Decimal | None = None

    @property
    def unrealized_usd(self) -> Decimal:
        """Profit that is not realised: quantity * (mark price - entry price)."""
        return self.quantity * (self.mark_price - self.entry_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account is worth.

    Parameters
    ----------
    cash_usd
        Deposits, plus everything realised: closed trades, fees, funding.
    equity_usd
        cash + unrealised profit of all positions.
    free_usd
        What new positions may use.
    maintenance_usd
        Below this equity the venue liquidates.
    """

    cash_usd: Decimal
    equity_usd: Decimal
    free_usd: Decimal
    maintenance_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """Funding of one settlement: ``-quantity * mark * rate``, known by its ``payment_id``.

    Parameters
    ----------
    amount_usd
        Received; negative when paid. Venues differ in the sign (Bybit and GRVT are opposite).
    """

    payment_id: str
    venue_symbol: str
    quantity: Decimal
    rate: Decimal
    amount_usd: Decimal
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentLimits:
    """What an order must be, in canonical units.

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

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """Return the largest whole number of steps that is not more."""
        return _whole_steps(quantity, self.quantity_step, ROUND_DOWN)

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """Return the nearest step that is not worse than asked: down to buy, up to sell."""
        rounding = ROUND_DOWN if side is Side.BUY else ROUND_UP
        return _whole_steps(price, self.price_step, rounding)

    def on_step(self, quantity: Decimal) -> bool:
        """Tell whether a quantity is a whole number of steps."""
        return _whole_steps(quantity, self.quantity_step, ROUND_HALF_EVEN) == quantity

    def on_price_step(self, price: Decimal) -> bool:
        """Tell whether a price is a whole number of steps."""
        return _whole_steps(price, self.price_step, ROUND_HALF_EVEN) == price


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """What a fill costs on this account, in basis points; negative is a rebate."""

    maker_bps: Decimal
    taker_bps: Decimal


@dataclass(frozen=True, slots=True)
class Level:
    """One price of a book and what stands there, in canonical base."""

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
