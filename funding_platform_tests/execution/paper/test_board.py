"""Books of a live board: no more stands in them than was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.trading import InstrumentLimits, Level, OrderBook, OrderState, Side
from funding_platform.execution import BoardMarket, BoardQuote, MeasuredDepth
from funding_platform.paper import PaperEngine, RefusedError, Settlement
from funding_platform_tests.paper.markets import BTC, LIMITS, START, after, request

USD = Mapping[Decimal, Decimal]


@dataclass
class WrittenBoard:
    known: BoardQuote | None = None
    measured: MeasuredDepth | None = None
    settled: list[Settlement] = field(default_factory=list)

    def quote(self, symbol: str) -> BoardQuote | None:
        return self.known

    def depth(self, symbol: str) -> MeasuredDepth | None:
        return self.measured

    def limits(self, symbol: str) -> InstrumentLimits | None:
        return LIMITS if symbol == BTC else None

    def settlements(self, symbol: str, since: datetime, until: datetime) -> Sequence[Settlement]:
        return [x for x in self.settled if since < x.settled_at <= until]


def quote(bid: str = "999.9", ask: str = "1000.1", size: str | None = None) -> BoardQuote:
    stands = None if size is None else Decimal(size)
    return BoardQuote(
        bid=Decimal(bid), ask=Decimal(ask), seen_at=START, bid_size=stands, ask_size=stands
    )


def within(**usd: int) -> USD:
    """US dollars by distance: ``within(bps5=1000)``."""
    return {Decimal(name.removeprefix("bps")): Decimal(amount) for name, amount in usd.items()}


def book_of(board: WrittenBoard) -> OrderBook:
    book = BoardMarket(board).book(BTC, START)
    assert book is not None
    return book


def test_what_rests_within_a_distance_stands_at_its_far_end() -> None:
    depth = within(bps5=1_100, bps10=3_101)
    board = WrittenBoard(quote(size="0.1"), MeasuredDepth(bid_usd=depth, ask_usd=depth))
    asks = book_of(board).asks
    assert [float(x.price) for x in asks] == [1000.1, 1000.5, 1001.0]
    assert [float(x.quantity) for x in asks] == [0.1, 0.999, 1.999]
    assert [float(x.price) for x in book_of(board).bids] == [999.9, 999.5, 999.0]


def test_where_nothing_is_known_nothing_stands() -> None:
    assert BoardMarket(WrittenBoard()).book(BTC, START) is None
    board = WrittenBoard(quote())
    assert (book_of(board).bids, book_of(board).asks) == ((), ())
    board = WrittenBoard(quote(), MeasuredDepth(bid_usd={}, ask_usd=within(bps5=1_000)))
    assert book_of(board).bids == ()
    assert book_of(board).asks == (Level(Decimal("1000.5"), Decimal("0.999")),)


def test_a_distance_within_the_spread_is_passed_over() -> None:
    depth = within(bps5=0, bps25=5_000)
    board = WrittenBoard(quote("999", "1001"), MeasuredDepth(bid_usd=depth, ask_usd=depth))
    assert [float(x.price) for x in book_of(board).asks] == [1002.5]


def test_a_quote_that_is_too_old_makes_no_book() -> None:
    market = BoardMarket(WrittenBoard(quote(size="1")))
    assert market.book(BTC, after(30)) is not None
    assert market.book(BTC, after(31)) is None
    assert market.mark(BTC, after(31)) is None
    engine = PaperEngine(market)
    engine.deposit(Decimal(1_000))
    with pytest.raises(RefusedError):
        engine.place(request("a", Side.BUY, "0.1"), after(31))


def test_the_mark_is_the_mid_where_none_is_stated() -> None:
    assert BoardMarket(WrittenBoard(quote())).mark(BTC, START) == 1000


def test_an_account_trades_and_is_paid() -> None:
    board = WrittenBoard(quote(size="1"))
    board.settled.append(
        Settlement(settled_at=after(5), rate=Decimal("0.001"), mark=Decimal(1_000))
    )
    engine = PaperEngine(BoardMarket(board))
    engine.deposit(Decimal(10_000))
    assert engine.place(request("a", Side.SELL, 1), START).state is OrderState.FILLED
    engine.advance(after(60))
    assert [x.amount_usd for x in engine.payments(START)] == [1]


amounts = st.dictionaries(
    st.sampled_from([Decimal(5), Decimal(10), Decimal(25)]),
    st.integers(0, 10**7).map(Decimal),
)


@given(
    bid=st.integers(1_000, 10**6),
    spread=st.integers(1, 2_000),
    size=st.none() | st.integers(1, 5_000).map(lambda x: Decimal(x) / 1_000),
    depth=amounts,
)
def test_never_more_than_was_measured(
    bid: int, spread: int, size: Decimal | None, depth: USD
) -> None:
    known = BoardQuote(
        bid=Decimal(bid) / 10,
        ask=Decimal(bid + spread) / 10,
        seen_at=START,
        bid_size=size,
        ask_size=size,
    )
    book = book_of(WrittenBoard(known, MeasuredDepth(bid_usd=depth, ask_usd=depth)))
    for side, best in ((Side.BUY, known.ask), (Side.SELL, known.bid)):
        levels = book.against(side)
        prices = [x.price for x in levels]
        assert prices == sorted(set(prices), reverse=side is Side.SELL)
        assert all((price - best) * side.sign >= 0 for price in prices)
        most = max([*depth.values(), best * (size or 0)])
        shown = sum((x.price * x.quantity for x in levels), Decimal(0))
        assert shown <= most
