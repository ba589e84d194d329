"""An account on paper on one venue of a sandbox, reached in the process or over a socket."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from funding_platform.core.system.clock import Clock
from funding_platform.core.time_grid import from_ms
from funding_platform.core.trading import (
    InstrumentLimits,
    OrderKind,
    OrderRequest,
    Side,
    TimeInForce,
)
from funding_platform.execution import Outcome, PaperExchange, Script
from funding_platform.sandbox.faults import Order
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.orders.contract import ExchangeClient
from funding_platform_tests.sandbox.listening import HandClock

VENUE = "bybit"
SYMBOL = "BTCUSDT"
DEPOSIT = Decimal(100_000)

T = TypeVar("T")


class Steering(Protocol):
    """What only whoever runs the venue can do."""

    def fault(self, outcome: Outcome) -> None: ...

    def take(self, quantity: Decimal | None) -> None: ...


@dataclass
class InProcess:
    exchange: PaperExchange

    def fault(self, outcome: Outcome) -> None:
        self.exchange.faults.script(Script(outcome=outcome, arrives=True, seconds=3))

    def take(self, quantity: Decimal | None) -> None:
        if quantity is None:
            self.exchange.liquidate(SYMBOL)
        else:
            self.exchange.deleverage(SYMBOL, quantity)


ACTIONS: dict[Outcome, list[dict[str, Any]]] = {
    Outcome.FILLED: [],
    Outcome.REJECTED: [{"action": "reject"}],
    Outcome.TIMEOUT_FILLED: [{"action": "unanswered"}],
    Outcome.TIMEOUT_UNFILLED: [{"action": "hold"}, {"action": "unavailable"}],
    Outcome.PARTIAL: [{"action": "partial"}],
    Outcome.DUPLICATE_FILL: [{"action": "duplicate_fill"}],
    Outcome.LATE_FILL: [{"action": "late_fill", "seconds": 3}],
    Outcome.DISCONNECT: [{"action": "cut"}],
}
"""What makes the sandbox do to the next order what a script does in the process."""


@dataclass
class OverSocket:
    sandbox: RunningSandbox
    token: str

    def fault(self, outcome: Outcome) -> None:
        self.sandbox.inject(*(Order(count=1, **action) for action in ACTIONS[outcome]))

    def take(self, quantity: Decimal | None) -> None:
        self.sandbox.take_position(token=self.token, venue=VENUE, symbol=SYMBOL, quantity=quantity)


@dataclass
class Account:
    """A client, and the hands that move its world."""

    client: ExchangeClient
    steering: Steering
    market: SyntheticMarket
    clock: HandClock
    runner: asyncio.Runner
    orders: int = 0

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    @property
    def now(self) -> datetime:
        return from_ms(self.clock.now_ms)

    @property
    def limits(self) -> InstrumentLimits:
        return self.do(self.client.limits([SYMBOL]))[SYMBOL]

    def price(self, offset: str = "0") -> Decimal:
        """The mid, so many percent away, on the step."""
        mid = self.do(self.client.order_book(SYMBOL, 1)).mid
        assert mid is not None
        return self.limits.round_price(mid * (1 + Decimal(offset) / 100), Side.BUY)

    def held(self) -> Decimal:
        holding = self.do(self.client.holdings()).get(SYMBOL)
        return holding.quantity if holding else Decimal(0)

    def order(
        self,
        side: Side,
        quantity: str,
        price: Decimal | None = None,
        *,
        tif: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
        reduce_only: bool = False,
        client_id: str | None = None,
    ) -> OrderRequest:
        self.orders += 1
        return OrderRequest(
            client_id=client_id or f"order-{self.orders}",
            venue_symbol=SYMBOL,
            side=side,
            quantity=Decimal(quantity),
            kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
            limit_price=price,
            time_in_force=tif,
            reduce_only=reduce_only,
        )


def clock_of(hand: HandClock) -> Clock:
    """The market's time; whoever sleeps moves it."""

    async def sleep(seconds: float) -> None:
        hand.step(seconds)

    return Clock(timer=lambda: hand.now_ms / 1e3, sleep=sleep, now=lambda: from_ms(hand.now_ms))
