"""Any run of orders, cancellations, books and settlements: as the naive venue says, and sound."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from funding_platform.core.trading import (
    Fill,
    OrderBook,
    OrderRequest,
    RejectReason,
    Side,
    TimeInForce,
)
from funding_platform.paper import PaperEngine, RefusedError
from funding_platform_tests.paper.markets import BTC, LIMITS, START, WrittenMarket, request
from funding_platform_tests.paper.naive import NaiveVenue

DEPOSIT = Decimal(10) ** 9
ROUNDING = Decimal("1e-6")
BAND = LIMITS.price_band or Decimal(1)

EXPECTED_REFUSALS = {
    RejectReason.WOULD_TAKE,
    RejectReason.WOULD_INCREASE,
    RejectReason.NO_LIQUIDITY,
    RejectReason.PRICE_OUT_OF_BAND,
}

sizes = st.integers(min_value=1, max_value=3_000).map(lambda steps: Decimal(steps) / 1_000)
ticks = st.integers(min_value=-4, max_value=4).map(lambda steps: Decimal(steps) / 10)
sides = st.lists(st.tuples(st.integers(1, 4), sizes), max_size=3)


class PaperMachine(RuleBasedStateMachine):
    """The engine beside the naive venue, told the same."""

    @initialize()
    def open_account(self) -> None:
        self.market = WrittenMarket()
        self.engine = PaperEngine(self.market)
        self.engine.deposit(DEPOSIT)
        fees = self.engine.rules.fees
        self.naive = NaiveVenue(fees.maker_bps, fees.taker_bps, BAND)
        self.now = START
        self.mid = Decimal(1_000)
        self.books = 0
        self.orders: list[OrderRequest] = []
        self.shown: list[tuple[OrderBook, int]] = []
        self.write([(1, Decimal(2))], [(1, Decimal(2))])

    def pass_time(self) -> None:
        self.now += timedelta(seconds=1)

    def write(self, bids: list[tuple[int, Decimal]], asks: list[tuple[int, Decimal]]) -> None:
        """A book in which every size differs from the last one's."""
        self.books += 1
        fresh = Decimal(self.books) / 10**6
        rows = []
        for sign, side in ((-1, bids), (1, asks)):
            distances = sorted({ticks for ticks, _ in side})
            rows.append(
                [
                    (self.mid + sign * Decimal(distance) / 10, size + fresh)
                    for distance, (_, size) in zip(distances, side, strict=False)
                ]
            )
        self.market.write(rows[0], rows[1], mark=self.mid)
        book = self.market.book(BTC, self.now)
        assert book is not None
        self.shown.append((book, len(self.engine.state.fills)))
        self.engine.advance(self.now, [BTC])
        self.naive.show(list(book.bids), list(book.asks), self.mid)

    @rule(bids=sides, asks=sides, move=ticks)
    def move(
        self, bids: list[tuple[int, Decimal]], asks: list[tuple[int, Decimal]], move: Decimal
    ) -> None:
        self.pass_time()
        self.mid += move
        self.write(bids, asks)

    @rule()
    def nothing_happens(self) -> None:
        self.pass_time()
        self.engine.advance(self.now)

    @rule(
        side=st.sampled_from(Side),
        quantity=sizes,
        offset=st.none() | ticks,
        tif=st.sampled_from(TimeInForce),
        reduce_only=st.booleans(),
    )
    def place(
        self,
        side: Side,
        quantity: Decimal,
        offset: Decimal | None,
        tif: TimeInForce,
        reduce_only: bool,
    ) -> None:
        self.pass_time()
        if offset is None and tif is TimeInForce.POST_ONLY:
            tif = TimeInForce.IMMEDIATE_OR_CANCEL
        order = request(
            f"o{len(self.orders)}",
            side,
            max(quantity, Decimal("0.006")),
            None if offset is None else self.mid + offset,
            tif=tif,
            reduce_only=reduce_only,
        )
        self.orders.append(order)
        reason = self.refusal(order)
        assert reason is None or reason in EXPECTED_REFUSALS
        if reason is None:
            self.naive.place(order)

    def refusal(self, order: OrderRequest) -> RejectReason | None:
        try:
            self.engine.place(order, self.now)
        except RefusedError as refused:
            return refused.reason
        return None

    @rule(which=st.integers(min_value=0))
    def cancel(self, which: int) -> None:
        if self.orders:
            self.pass_time()
            client_id = self.orders[which % len(self.orders)].client_id
            self.engine.cancel(client_id, self.now)
            self.naive.cancel(client_id)

    @rule(rate=st.integers(-50, 50).map(lambda bps: Decimal(bps) / 10_000))
    def settle(self, rate: Decimal) -> None:
        self.pass_time()
        self.market.settle(self.now, str(rate), str(self.mid))
        self.engine.advance(self.now)
        self.naive.settle(rate, self.mid)

    @invariant()
    def fills_are_the_naive_ones(self) -> None:
        told = [
            (x.client_id, x.side, x.quantity, x.price, x.maker) for x in self.engine.state.fills
        ]
        assert told == [
            (x.client_id, x.side, x.quantity, x.price, x.maker) for x in self.naive.fills
        ]
        waiting = {x.client_id for x in self.engine.open_orders()}
        assert waiting == {x.client_id for x in self.naive.resting}

    @invariant()
    def the_account_adds_up(self) -> None:
        account, balance = self.engine.state.account, self.engine.balance()
        assert balance.cash_usd == (
            DEPOSIT + account.realized_usd + account.funding_usd - account.fees_usd
        )
        unrealized = sum((x.unrealized_usd for x in self.engine.holdings().values()), Decimal(0))
        assert abs(balance.cash_usd + unrealized - balance.equity_usd) < ROUNDING
        assert abs(self.naive.equity(DEPOSIT) - balance.equity_usd) < ROUNDING
        assert account.quantity(BTC) == self.naive.position

    @invariant()
    def nothing_fills_beyond_the_book(self) -> None:
        ends = [first for _, first in self.shown[1:]] + [len(self.engine.state.fills)]
        for (book, first), end in zip(self.shown, ends, strict=True):
            for side in Side:
                taken = [x for x in self.engine.state.fills[first:end] if x.side is side]
                shown = sum((x.quantity for x in book.against(side)), Decimal(0))
                assert sum((x.quantity for x in taken), Decimal(0)) <= shown

    @invariant()
    def closes_only_close(self) -> None:
        closing = {x.client_id for x in self.orders if x.reduce_only}
        held = Decimal(0)
        for fill in self.engine.state.fills:
            after = held + change(fill)
            if fill.client_id in closing:
                assert abs(after) < abs(held)
                assert after * held >= 0
            held = after


def change(fill: Fill) -> Decimal:
    return fill.side.sign * fill.quantity


TestPaper = PaperMachine.TestCase
TestPaper.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
