"""The words of trading: what is ordered, what a venue says became of it, and what is held.

Quantities are in canonical base, those of inverse contracts in US dollars, which is what such a
contract is for: how much base it is hangs on the price (``payoffs``). Prices are in quote units per
canonical base, as everywhere. Whoever speaks to a venue converts into its contracts and back, and
nobody else. They are decimals: a step of 0.001 has no exact binary fraction, and an order must be a
whole number of steps. Amounts in US dollars are signed from the account's point of view: what it
receives is positive. What is received in coins counts at their price of that instant.
"""

from funding_platform.core.trading.accounts import (
    Balance,
    FeeRates,
    FundingPayment,
    Holding,
)
from funding_platform.core.trading.markets import (
    InstrumentLimits,
    Level,
    OrderBook,
)
from funding_platform.core.trading.orders import (
    ZERO,
    Fill,
    OrderKind,
    OrderReport,
    OrderRequest,
    OrderState,
    RejectReason,
    Side,
    TimeInForce,
)

__all__ = [
    "ZERO",
    "Balance",
    "FeeRates",
    "Fill",
    "FundingPayment",
    "Holding",
    "InstrumentLimits",
    "Level",
    "OrderBook",
    "OrderKind",
    "OrderReport",
    "OrderRequest",
    "OrderState",
    "RejectReason",
    "Side",
    "TimeInForce",
]
