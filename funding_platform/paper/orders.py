"""An order as the venue keeps it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from funding_platform.core.trading import (
    ZERO,
    OrderKind,
    OrderReport,
    OrderRequest,
    OrderState,
    TimeInForce,
)


@dataclass(slots=True)
class PaperOrder:
    """One order and what became of it.

    Parameters
    ----------
    number
        The venue's count of orders: the smaller came first.
    value_usd
        Of its fills together.
    coins
        The base that its fills are, each at its price, of an inverse contract; None of a linear
        one.
    cap
        Of a fault: fills no more than this in all; None for none.
    """

    request: OrderRequest
    number: int
    placed_at: datetime
    updated_at: datetime
    state: OrderState = OrderState.OPEN
    filled: Decimal = ZERO
    value_usd: Decimal = ZERO
    coins: Decimal | None = None
    cap: Decimal | None = None

    @property
    def may_fill(self) -> Decimal:
        """What it may still fill, positions aside."""
        whole = self.request.quantity
        return (whole if self.cap is None else min(self.cap, whole)) - self.filled

    @property
    def rests(self) -> bool:
        """Whether what does not fill at once waits in the book."""
        return (
            self.request.kind is OrderKind.LIMIT
            and self.request.time_in_force is not TimeInForce.IMMEDIATE_OR_CANCEL
        )

    @property
    def average_price(self) -> Decimal | None:
        """Of its fills; None without any."""
        if not self.filled:
            return None
        return self.value_usd / (self.filled if self.coins is None else self.coins)

    def end(self, state: OrderState, now: datetime) -> None:
        """Take note that nothing more will come of it."""
        self.state, self.updated_at = state, now

    def report(self) -> OrderReport:
        """Say what is known of it."""
        request = self.request
        return OrderReport(
            client_id=request.client_id,
            venue_symbol=request.venue_symbol,
            state=self.state,
            side=request.side,
            quantity=request.quantity,
            filled=self.filled,
            average_price=self.average_price,
            venue_order_id=str(self.number),
            reduce_only=request.reduce_only,
            updated_at=self.updated_at,
        )
