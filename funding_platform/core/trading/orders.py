"""What is ordered, what a venue says became of it, and what was traded."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
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
        Canonical base, or US dollars of an inverse contract; positive.
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
        Filled so far, of all its fills together.
    average_price
        Of what is filled, ``payoffs.average_price``; None while nothing is.
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
