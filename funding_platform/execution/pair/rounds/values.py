"""What orders and fills are worth, held against the plan: contracts are not coins.

    before it is sent   worth(quantity, limit) <= size_usd * (1 + b)
    after it filled     sum(worth(q, p)) <= worth(quantity, limit) * (1 + b), |p / limit - 1| <= b

with ``b`` the bound on prices and the slack beside it, and ``worth`` the contract's notional. An
order that would be worth more than was
decided on is not sent. A fill that is not worth what its order says tells of a unit that somebody
has wrong, a venue or we: nothing new is opened before a person has looked.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from funding_platform.core.trading import ZERO, payoffs
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.liquidity import BPS
from funding_platform.execution.pair.refusals import Refusal, RefusalKind
from funding_platform.execution.pair.rules import ExecutionRules
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import (
    FillRecord,
    NewEvent,
    OrderRecord,
)

OFF_PLAN: Final = "value_off_plan"


class Values:
    """Refuses orders, and halts new risk for fills, that are not worth what was planned."""

    def __init__(self, journal: Journal, rules: ExecutionRules) -> None:
        self._journal = journal
        self._slack = (rules.price_bound_bps + rules.value_slack_bps) / BPS

    def before(self, book: PairBook, orders: Iterable[OrderRecord]) -> Refusal | None:
        """Return why orders are not to be sent; None where each is worth what was planned."""
        size_usd = book.pair.size_usd
        said = [
            over_plan(one, size_usd, self._slack, inverse=book.legs[one.leg].inverse)
            for one in orders
        ]
        over = [one for one in said if one is not None]
        return Refusal(RefusalKind.OFF_PLAN, "; ".join(over)) if over else None

    def after(self, book: PairBook) -> None:
        """Halt once for the fills of each order that are not worth what it says."""
        for order in book.orders.values():
            if not order.role.opens:
                continue
            inverse = book.legs[order.leg].inverse
            said = off_plan(order, _fills(book, order), self._slack, inverse=inverse)
            if said and not self._is_told(book, said):
                book.blame(said)
                self._halt(book, said)

    def _is_told(self, book: PairBook, said: str) -> bool:
        events = self._journal.store.events(pair_id=book.pair.pair_id)
        return any(one.kind == OFF_PLAN and one.reason == said for one in events)

    def _halt(self, book: PairBook, said: str) -> None:
        pair_id = book.pair.pair_id
        self._journal.halt(
            "a value that was not planned",
            NewEvent(kind=OFF_PLAN, reason=said, actor="executor", pair_id=pair_id),
            NewEvent(kind="halted", reason=said, actor="executor", pair_id=pair_id),
        )


def over_plan(
    order: OrderRecord, size_usd: Decimal, slack: Decimal, *, inverse: bool = False
) -> str | None:
    """Say that an order is worth more than a leg may be; None where it is not."""
    worth = payoffs.notional_usd(inverse, order.quantity, order.limit_price or ZERO)
    if worth <= size_usd * (1 + slack):
        return None
    return f"{_name(order)} would be worth {worth:.2f} USD, {size_usd:f} USD are planned"


def off_plan(
    order: OrderRecord, fills: Iterable[FillRecord], slack: Decimal, *, inverse: bool = False
) -> str | None:
    """Say that fills are not worth what their order says; None where they are."""
    price, worth = order.limit_price, ZERO
    if not price:
        return None
    for fill in fills:
        worth += payoffs.notional_usd(inverse, fill.quantity, fill.price)
        if abs(fill.price / price - 1) > slack:
            return f"{_name(order)} has a fill at {fill.price:f}, and was sent at {price:f}"
    planned = payoffs.notional_usd(inverse, order.quantity, price)
    if worth > planned * (1 + slack):
        return f"{_name(order)} has fills of {worth:.2f} USD, {planned:.2f} USD were sent"
    return None


def _fills(book: PairBook, order: OrderRecord) -> list[FillRecord]:
    """Return what the venue told of an order, in an order of its own."""
    told = [one for one in book.fills.values() if one.client_id == order.client_id]
    return sorted(
        (one for one in told if not one.synthetic), key=lambda one: (one.filled_at, one.fill_id)
    )


def _name(order: OrderRecord) -> str:
    return f"{order.venue} {order.venue_symbol}: {order.client_id}"
