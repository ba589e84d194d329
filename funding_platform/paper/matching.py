"""Our orders against the book: best price first, and of one price who came first."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from funding_platform.core.trading import (
    ZERO,
    InstrumentLimits,
    Level,
    OrderBook,
    OrderKind,
    OrderRequest,
    OrderState,
    RejectReason,
    Side,
    TimeInForce,
)
from funding_platform.paper.booking import book_fill
from funding_platform.paper.errors import RefusedError
from funding_platform.paper.orders import PaperOrder
from funding_platform.paper.rules import PaperRules
from funding_platform.paper.state import PaperState
from funding_platform.paper.taken import Taken


def bound_of(request: OrderRequest, limits: InstrumentLimits, mark: Decimal) -> Decimal | None:
    """Return the worst price that an order may fill at; None for any.

    A market order without a bound goes no further than limit orders may.
    """
    if request.limit_price is not None or limits.price_band is None:
        return request.limit_price
    return mark * (1 + request.side.sign * limits.price_band)


def by_symbol(orders: Iterable[PaperOrder]) -> dict[str, list[PaperOrder]]:
    """Sort orders by their symbol."""
    found: dict[str, list[PaperOrder]] = {}
    for order in orders:
        found.setdefault(order.request.venue_symbol, []).append(order)
    return found


class Matching:
    """Fills open orders, and remembers what they took of the books.

    An order that waits fills as maker at its own price once the other side of the book comes to
    it: whoever stands there now would have met it first. Own orders never meet each other.
    """

    def __init__(self, state: PaperState, rules: PaperRules) -> None:
        self._state = state
        self._rules = rules
        self._taken: dict[str, Taken] = {}

    def show(self, book: OrderBook) -> Taken:
        """Take note of a book as it is now."""
        taken = self._taken.setdefault(book.venue_symbol, Taken())
        taken.show(book)
        return taken

    def check(self, request: OrderRequest) -> None:
        """Refuse an order that the book as it is rules out.

        Raises
        ------
        RefusedError
            If it must not take and would, or must take and nobody is there.
        """
        best = next(self._left(request, None), None)
        if request.time_in_force is TimeInForce.POST_ONLY:
            if next(self._left(request, request.limit_price), None) is not None:
                raise RefusedError("it would take what stands there", RejectReason.WOULD_TAKE)
        elif request.kind is OrderKind.MARKET and best is None:
            raise RefusedError("nobody is on the other side", RejectReason.NO_LIQUIDITY)

    def take(self, order: PaperOrder, bound: Decimal | None, now: datetime) -> None:
        """Fill a new order with what stands there; what then remains waits, or is over."""
        self._state.open[order.request.client_id] = order
        self._fill(order, bound, now, maker=False)
        if order.state is OrderState.OPEN and not order.rests:
            self.end(order, OrderState.CANCELED, now)

    def match_resting(self, orders: Sequence[PaperOrder], now: datetime) -> None:
        """Fill the waiting orders of one symbol that the book has come to."""
        for side in Side:
            waiting = [order for order in orders if order.request.side is side]
            waiting.sort(key=lambda order: (-side.sign * _price(order), order.number))
            for order in waiting:
                # The fill of one may have ended another that only reduces.
                if order.state is OrderState.OPEN:
                    self._fill(order, _price(order), now, maker=True)

    def fill_late(self, order: PaperOrder, now: datetime) -> None:
        """Fill all that is left of an order that is over; what the book lacks, at its own price."""
        request = order.request
        order.cap, order.state = None, OrderState.OPEN
        self._fill(order, request.limit_price, now, maker=False)
        rest = min(order.may_fill, self._reducible(request))
        if rest > 0 and request.limit_price is not None:
            self._book(order, rest, request.limit_price, now, maker=True)
        if order.state is OrderState.OPEN:
            self.end(order, OrderState.CANCELED, now)

    def end(self, order: PaperOrder, state: OrderState, now: datetime) -> None:
        """Take note that nothing more will come of an order."""
        order.end(state, now)
        self._state.open.pop(order.request.client_id, None)

    def end_useless(self, symbol: str, now: datetime) -> None:
        """Cancel the orders that could only reduce what is no longer held."""
        held = self._state.account.quantity(symbol)
        for order in list(self._state.open.values()):
            request = order.request
            if (
                request.reduce_only
                and request.venue_symbol == symbol
                and held * request.side.sign >= 0
            ):
                self.end(order, OrderState.CANCELED, now)

    def _left(self, request: OrderRequest, bound: Decimal | None) -> Iterator[Level]:
        taken = self._taken.get(request.venue_symbol)
        return taken.left(request.side, bound) if taken else iter(())

    def _fill(
        self, order: PaperOrder, bound: Decimal | None, now: datetime, *, maker: bool
    ) -> None:
        """Fill an order level by level; a maker's fills are at its own price."""
        request = order.request
        for level in list(self._left(request, bound)):
            quantity = min(level.quantity, order.may_fill, self._reducible(request))
            if quantity <= 0:
                break
            self._taken[request.venue_symbol].take(request.side, level.price, quantity)
            price = _price(order) if maker else level.price
            self._book(order, quantity, price, now, maker=maker)

    def _book(
        self, order: PaperOrder, quantity: Decimal, price: Decimal, now: datetime, *, maker: bool
    ) -> None:
        """Add a fill, and end the orders that are over with it."""
        book_fill(self._state, self._rules, order, quantity, price, now, maker=maker)
        if order.filled == order.request.quantity:
            self.end(order, OrderState.FILLED, now)
        self.end_useless(order.request.venue_symbol, now)

    def _reducible(self, request: OrderRequest) -> Decimal:
        """Return what it may fill as the position is now: what only reduces never opens."""
        if not request.reduce_only:
            return request.quantity
        held = self._state.account.quantity(request.venue_symbol)
        return max(ZERO, -held * request.side.sign)


def _price(order: PaperOrder) -> Decimal:
    """Return the price that a waiting order stands at."""
    price = order.request.limit_price
    assert price is not None, "only limit orders wait"
    return price
