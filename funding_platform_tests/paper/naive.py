"""The same venue once more, as slowly and plainly as it can be written.

It keeps no average prices and no ledger of what was taken: what is taken is cut off the book, and
what an account is worth is the sum of its cash flows.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from funding_platform.core.trading import Level, OrderKind, OrderRequest, Side, TimeInForce


@dataclass
class NaiveFill:
    client_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    maker: bool


@dataclass
class NaiveVenue:
    maker_bps: Decimal
    taker_bps: Decimal
    price_band: Decimal
    mark: Decimal = Decimal(0)
    position: Decimal = Decimal(0)
    traded: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)
    resting: list[OrderRequest] = field(default_factory=list)
    filled: dict[str, Decimal] = field(default_factory=dict)
    fills: list[NaiveFill] = field(default_factory=list)

    def show(self, bids: list[Level], asks: list[Level], mark: Decimal) -> None:
        """A new book, in which everything has changed; then those that wait, best first."""
        self.bids, self.asks, self.mark = bids, asks, mark
        buys = [x for x in self.resting if x.side is Side.BUY]
        sells = [x for x in self.resting if x.side is Side.SELL]
        for order in sorted(buys, key=lambda x: -price_of(x)):
            self.fill(order, price_of(order), maker=True)
        for order in sorted(sells, key=price_of):
            self.fill(order, price_of(order), maker=True)
        self.tidy()

    def place(self, order: OrderRequest) -> None:
        self.filled[order.client_id] = Decimal(0)
        worst = order.limit_price
        if worst is None:
            worst = self.mark * (1 + order.side.sign * self.price_band)
        self.resting.append(order)
        self.fill(order, worst, maker=False)
        ioc = order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        if order in self.resting and (order.kind is OrderKind.MARKET or ioc):
            self.resting.remove(order)
        self.tidy()

    def cancel(self, client_id: str) -> None:
        self.resting = [x for x in self.resting if x.client_id != client_id]

    def settle(self, rate: Decimal, mark: Decimal) -> None:
        self.funding -= self.position * mark * rate

    def equity(self, deposits: Decimal) -> Decimal:
        """What came in and went out, and what the position would bring."""
        return deposits + self.traded + self.position * self.mark - self.fees + self.funding

    def fill(self, order: OrderRequest, worst: Decimal, *, maker: bool) -> None:
        while order in self.resting:
            side = self.asks if order.side is Side.BUY else self.bids
            wanted = order.quantity - self.filled[order.client_id]
            if order.reduce_only:
                wanted = min(wanted, max(Decimal(0), -self.position * order.side.sign))
            if not side or wanted == 0 or (side[0].price - worst) * order.side.sign > 0:
                return
            best = side[0]
            quantity = min(wanted, best.quantity)
            rest = best.quantity - quantity
            side[:1] = [Level(best.price, rest)] if rest else []
            price = worst if maker else best.price
            self.trade(order, quantity, price, maker=maker)

    def trade(self, order: OrderRequest, quantity: Decimal, price: Decimal, *, maker: bool) -> None:
        self.fills.append(NaiveFill(order.client_id, order.side, quantity, price, maker))
        self.filled[order.client_id] += quantity
        self.position += order.side.sign * quantity
        self.traded -= order.side.sign * quantity * price
        self.fees += quantity * price * (self.maker_bps if maker else self.taker_bps) / 10_000
        if self.filled[order.client_id] == order.quantity:
            self.resting.remove(order)
        self.tidy()

    def tidy(self) -> None:
        """What can only reduce, and has nothing to reduce, is over."""
        self.resting = [
            x for x in self.resting if not x.reduce_only or self.position * x.side.sign < 0
        ]


def price_of(order: OrderRequest) -> Decimal:
    assert order.limit_price is not None
    return order.limit_price
