"""The venue itself: takes orders, matches them, pays funding, liquidates.

It has no clock, no latency and no faults: every call states the instant, and the same calls have
the same outcome. What happens at an instant happens in this order: settlements that are due, on
what was held before; resting orders against the book as it is now; liquidation; then what was
asked for.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from funding_platform.core.trading import (
    ZERO,
    Balance,
    Fill,
    FundingPayment,
    Holding,
    InstrumentLimits,
    OrderBook,
    OrderReport,
    OrderRequest,
    OrderState,
    RejectReason,
    Side,
)
from funding_platform.paper.account import Account
from funding_platform.paper.admission import check_order, check_rate
from funding_platform.paper.booking import book_settlement, book_taking
from funding_platform.paper.errors import RefusedError, UnlistedError
from funding_platform.paper.margin import balance, holdings, is_short, pending, shortfall
from funding_platform.paper.market import PaperMarket
from funding_platform.paper.matching import Matching, bound_of, by_symbol
from funding_platform.paper.orders import PaperOrder
from funding_platform.paper.rules import PaperRules, money
from funding_platform.paper.state import PaperState


class PaperEngine:
    """One account on one venue.

    Parameters
    ----------
    market
        What it trades against.
    rules
        What the account has to keep to.
    state
        What the account was, to go on with; a new one without it.
    """

    def __init__(
        self,
        market: PaperMarket,
        rules: PaperRules | None = None,
        state: PaperState | None = None,
    ) -> None:
        self.market = market
        self.rules = rules or PaperRules()
        self.state = state or PaperState()
        self._matching = Matching(self.state, self.rules)

    def deposit(self, amount_usd: Decimal) -> None:
        """Add cash; take it away where it is negative."""
        self.state.account.deposits_usd += money(amount_usd)

    def limits(self, symbol: str) -> InstrumentLimits:
        """Return what orders must be.

        Raises
        ------
        UnlistedError
            If the market does not list the symbol.
        """
        limits = self.market.limits(symbol)
        if limits is None:
            raise UnlistedError(f"{symbol} is not listed")
        return limits

    def book(self, symbol: str, at: datetime) -> OrderBook:
        """Return what stands, without our own orders and what they took.

        Raises
        ------
        UnlistedError
            If the market does not list the symbol, or knows nothing of its book.
        """
        book = self.market.book(symbol, at)
        if book is None:
            raise UnlistedError(f"{symbol} has no book")
        taken = self._matching.show(book)
        return OrderBook(
            venue_symbol=symbol,
            bids=tuple(taken.left(Side.SELL, None)),
            asks=tuple(taken.left(Side.BUY, None)),
            seen_at=book.seen_at,
        )

    def place(
        self, request: OrderRequest, now: datetime, cap: Decimal | None = None
    ) -> OrderReport:
        """Take an order and match it.

        Parameters
        ----------
        cap
            Fill no more than this, whatever stands in the book: a fault.

        Raises
        ------
        RefusedError
            If it is declined; nothing of it exists.
        """
        symbol = request.venue_symbol
        limits = self.market.limits(symbol)
        if limits is None:
            raise RefusedError(f"{symbol} is not listed", RejectReason.UNKNOWN_SYMBOL)
        now = self.advance(now, [symbol])
        self._show(symbol, now)
        check_rate(self.state, self.rules, now)
        mark = self._mark(symbol, now)
        if mark is None:
            raise RefusedError(f"{symbol} has no price now", RejectReason.NOT_TRADING)
        check_order(request, limits, mark, self.state, self.rules)
        self._matching.check(request)
        if limits.inverse:
            self.state.account.inverse.add(symbol)
        waiting = pending(self.state.open.values())
        short = shortfall(request, self.state.account, waiting, self.rules)
        if short > 0:
            raise RefusedError(f"{short} USD short of margin", RejectReason.INSUFFICIENT_MARGIN)
        self.state.numbered += 1
        order = PaperOrder(request, self.state.numbered, now, now, cap=cap)
        # Orders stay in the order of their numbers, also where an id is used again.
        self.state.orders.pop(request.client_id, None)
        self.state.orders[request.client_id] = order
        self._matching.take(order, bound_of(request, limits, mark), now)
        return order.report()

    def cancel(self, client_id: str, now: datetime) -> OrderReport | None:
        """Take an order back; return what is known of it then, None where it is not known."""
        order = self.state.orders.get(client_id)
        if order is None:
            return None
        now = self.advance(now, [order.request.venue_symbol])
        if order.state is OrderState.OPEN:
            self._matching.end(order, OrderState.CANCELED, now)
        return order.report()

    def order(self, client_id: str) -> OrderReport | None:
        """Return what is known of an order."""
        order = self.state.orders.get(client_id)
        return order.report() if order else None

    def open_orders(self) -> list[OrderReport]:
        """Return the orders that can still fill, oldest first."""
        return [order.report() for order in self.state.open.values()]

    def advance(self, now: datetime, symbols: Iterable[str] | None = None) -> datetime:
        """Let happen what is due by ``now``, for some symbols or for all that concern us.

        Returns
        -------
        datetime
            ``now``, or the latest instant told before: time does not go back.
        """
        state = self.state
        now = now if state.now is None else max(now, state.now)
        state.now = now
        waiting = by_symbol(state.open.values())
        if symbols is None:
            symbols = sorted({*state.account.positions, *state.watched, *waiting})
        for symbol in symbols:
            self._settle(symbol, now)
            self._mark(symbol, now)
            # A book is costly to make, and concerns only what waits for it.
            if symbol in waiting:
                self._show(symbol, now)
                self._matching.match_resting(waiting[symbol], now)
        self._liquidate(now)
        return now

    def fill_late(self, client_id: str, now: datetime) -> None:
        """Fill what is left of an order that is over, as if the venue had not told: a fault."""
        order = self.state.orders[client_id]
        now = self.advance(now, [order.request.venue_symbol])
        self._show(order.request.venue_symbol, now)
        self._matching.fill_late(order, now)

    def deleverage(self, symbol: str, quantity: Decimal, now: datetime) -> None:
        """Take away some of a position at the mark, as a venue does that has to."""
        now = self.advance(now, [symbol])
        self._take_away(symbol, quantity, now, fee_bps=ZERO)

    def liquidate(self, symbol: str, now: datetime) -> None:
        """Take away all of a position at the mark, with the venue's fee for it."""
        now = self.advance(now, [symbol])
        held = abs(self.state.account.quantity(symbol))
        self._take_away(symbol, held, now, self.rules.liquidation_bps)

    def fills(self, since: datetime) -> list[Fill]:
        """Return every fill since an instant, in order."""
        fills = self.state.fills
        return fills[bisect_left(fills, since, key=lambda fill: fill.filled_at) :]

    def payments(self, since: datetime) -> list[FundingPayment]:
        """Return the funding received and paid since an instant, in order."""
        paid, payments = self.state.paid, self.state.payments
        first = bisect_left(paid, since, key=lambda one: one[0])
        return [payments[payment_id] for _, payment_id in paid[first:]]

    def holdings(self) -> dict[str, Holding]:
        """Return what is held by symbol."""
        return holdings(self.state.account, self.rules)

    def balance(self) -> Balance:
        """Return what the account is worth."""
        return balance(self.state.account, pending(self.state.open.values()), self.rules)

    def _show(self, symbol: str, now: datetime) -> None:
        """Take note of a symbol's book; the last that was known stands where none is now."""
        book = self.market.book(symbol, now)
        if book is not None:
            self._matching.show(book)

    def _mark(self, symbol: str, now: datetime) -> Decimal | None:
        """Value a symbol; the last that was known stands where nothing is known now."""
        mark = self.market.mark(symbol, now)
        if mark is not None:
            self.state.account.marks[symbol] = mark
        return self.state.account.marks.get(symbol)

    def _settle(self, symbol: str, now: datetime) -> None:
        """Pay the funding that has become due, or known, since the last time."""
        since = self.state.watched.get(symbol)
        if since is None:
            return
        for settlement in self.market.settlements(symbol, since, now):
            book_settlement(self.state, symbol, settlement)
        late = max(since, now - self.rules.settlement_lateness)
        if self.state.concerned_since(symbol, late):
            self.state.watched[symbol] = late
        else:
            del self.state.watched[symbol]

    def _liquidate(self, now: datetime) -> None:
        """Take positions away, the largest first, until equity covers what the others need.

        Those with collateral of their own stand and fall by that.
        """
        account, penalty_bps = self.state.account, self.rules.liquidation_bps
        for symbol in [x for x in account.positions if is_short(account, x, self.rules)]:
            self._take_away(symbol, abs(account.quantity(symbol)), now, penalty_bps)
        while account.shared and _is_short(account, self.rules):
            for order in list(self.state.open.values()):
                self._matching.end(order, OrderState.CANCELED, now)
            symbol = max(account.shared, key=lambda s: (account.size_usd(s), s))
            self._take_away(symbol, abs(account.quantity(symbol)), now, penalty_bps)

    def _take_away(self, symbol: str, quantity: Decimal, now: datetime, fee_bps: Decimal) -> None:
        held = abs(self.state.account.quantity(symbol))
        if held:
            book_taking(self.state, symbol, min(quantity, held), now, fee_bps)
            self._matching.end_useless(symbol, now)


def _is_short(account: Account, rules: PaperRules) -> bool:
    return account.shared_usd < money(account.value_usd * rules.maintenance_margin)
