"""All that an account is: what a file has to keep so that another process can go on with it."""

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import takewhile

from funding_platform.core.trading import Fill, FundingPayment, OrderState
from funding_platform.paper.account import Account
from funding_platform.paper.orders import PaperOrder


@dataclass(slots=True)
class PaperState:
    """Account, orders, fills and funding payments.

    Parameters
    ----------
    orders
        By client order id, oldest first; of an id that was used again, the last.
    watched
        Symbols whose settlements concern the account, and up to when they are paid.
    now
        Latest instant that the engine was told.
    sent
        When the orders of the last second came, where their rate is limited.
    open
        Those of ``orders`` that can still fill.
    paid
        When ``payments`` were made and their ids, in that order.
    """

    account: Account = field(default_factory=Account)
    orders: dict[str, PaperOrder] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    payments: dict[str, FundingPayment] = field(default_factory=dict)
    watched: dict[str, datetime] = field(default_factory=dict)
    numbered: int = 0
    now: datetime | None = None
    sent: deque[datetime] = field(default_factory=deque)
    open: dict[str, PaperOrder] = field(init=False)
    paid: list[tuple[datetime, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.open = {x: y for x, y in self.orders.items() if y.state is OrderState.OPEN}
        self.paid = sorted((x.paid_at, x.payment_id) for x in self.payments.values())

    def add_payment(self, payment: FundingPayment) -> None:
        """Keep a payment of which there is none yet."""
        self.payments[payment.payment_id] = payment
        insort(self.paid, (payment.paid_at, payment.payment_id))

    def quantity_at(self, symbol: str, at: datetime) -> Decimal:
        """Return what was held of a symbol just before an instant."""
        quantity = self.account.quantity(symbol)
        for fill in reversed(self.fills):
            if fill.filled_at < at:
                break
            if fill.venue_symbol == symbol:
                quantity -= fill.side.sign * fill.quantity
        return quantity

    def concerned_since(self, symbol: str, at: datetime) -> bool:
        """Tell whether anything of a symbol was held at an instant, or since."""
        if self.account.quantity(symbol):
            return True
        recent = takewhile(lambda fill: fill.filled_at >= at, reversed(self.fills))
        return any(fill.venue_symbol == symbol for fill in recent)
