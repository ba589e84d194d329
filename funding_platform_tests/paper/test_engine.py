"""Cases worked by hand: what is filled at what, who pays what, what is refused and why."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from funding_platform.core.trading import (
    FeeRates,
    InstrumentLimits,
    OrderReport,
    OrderRequest,
    OrderState,
    RejectReason,
    Side,
    TimeInForce,
)
from funding_platform.paper import FREE, PaperEngine, PaperRules, PricedMarket, RefusedError
from funding_platform_tests.paper.markets import (
    BTC,
    LIMITS,
    START,
    WrittenMarket,
    after,
    request,
)

MONEY = Decimal(1_000_000)


def opened(
    market: WrittenMarket, rules: PaperRules | None = None, deposit: Decimal = MONEY
) -> PaperEngine:
    engine = PaperEngine(market, rules)
    engine.deposit(deposit)
    return engine


@pytest.fixture
def market() -> WrittenMarket:
    market = WrittenMarket()
    market.write(bids=[(99.9, 1), (99.8, 2)], asks=[(100.1, 1), (100.2, 2)], mark=100)
    return market


@pytest.fixture
def engine(market: WrittenMarket) -> PaperEngine:
    return opened(market)


def told(report: OrderReport) -> tuple[OrderState, float]:
    return report.state, float(report.filled)


def test_a_taker_walks_the_book(engine: PaperEngine) -> None:
    report = engine.place(request("a", Side.BUY, 2), START)
    assert told(report) == (OrderState.FILLED, 2)
    assert report.average_price == Decimal("100.15")
    fees = [fill.fee_usd for fill in engine.state.fills]
    assert fees == [Decimal("0.05005"), Decimal("0.0501")]


def test_a_limit_takes_what_it_may_and_waits_with_the_rest(engine: PaperEngine) -> None:
    report = engine.place(request("a", Side.BUY, 2, 100.1), START)
    assert told(report) == (OrderState.OPEN, 1)
    assert engine.advance(after(60)) == after(60)
    assert told(engine.open_orders()[0]) == (OrderState.OPEN, 1)


def test_what_waits_fills_at_its_own_price_as_a_maker(
    market: WrittenMarket, engine: PaperEngine
) -> None:
    engine.place(request("a", Side.BUY, 2, 99.5), START)
    market.write(bids=[(99.0, 1)], asks=[(99.4, 0.5), (99.5, 0.7), (99.6, 9)])
    engine.advance(after(1))
    fills = engine.state.fills
    assert [(float(x.price), float(x.quantity), x.maker) for x in fills] == [
        (99.5, 0.5, True),
        (99.5, 0.7, True),
    ]
    assert fills[0].fee_usd == Decimal("0.5") * Decimal("99.5") * 2 / 10_000


def test_the_better_price_comes_first_and_then_the_earlier(
    market: WrittenMarket, engine: PaperEngine
) -> None:
    engine.place(request("late-better", Side.SELL, 1, 101), START)
    engine.place(request("first", Side.SELL, 1, 101.5), after(1))
    engine.place(request("second", Side.SELL, 1, 101.5), after(2))
    market.write(bids=[(102, 2.5)], asks=[(103, 1)])
    engine.advance(after(3))
    filled = [(x.client_id, float(x.quantity)) for x in engine.state.fills]
    assert filled == [("late-better", 1), ("first", 1), ("second", 0.5)]


def test_a_book_that_stands_still_is_taken_once(market: WrittenMarket, engine: PaperEngine) -> None:
    engine.place(request("a", Side.BUY, 3), START)
    with pytest.raises(RefusedError) as refused:
        engine.place(request("b", Side.BUY, 1), after(1))
    assert refused.value.reason is RejectReason.NO_LIQUIDITY
    market.write(bids=[(99.9, 1)], asks=[(100.1, 1), (100.2, 2.5)])
    report = engine.place(request("c", Side.BUY, 3), after(2))
    assert told(report) == (OrderState.CANCELED, 2.5)
    assert report.average_price == Decimal("100.2")


def test_immediate_or_cancel_never_waits(engine: PaperEngine) -> None:
    order = request("a", Side.BUY, 2, 100.1, tif=TimeInForce.IMMEDIATE_OR_CANCEL)
    assert told(engine.place(order, START)) == (OrderState.CANCELED, 1)


def test_post_only_waits_or_is_refused(engine: PaperEngine) -> None:
    with pytest.raises(RefusedError) as refused:
        engine.place(request("a", Side.BUY, 1, 100.1, tif=TimeInForce.POST_ONLY), START)
    assert refused.value.reason is RejectReason.WOULD_TAKE
    report = engine.place(request("b", Side.BUY, 1, 100, tif=TimeInForce.POST_ONLY), START)
    assert told(report) == (OrderState.OPEN, 0)


def test_a_market_order_stops_at_its_bound_and_at_the_band(market: WrittenMarket) -> None:
    market.write(bids=[], asks=[(100.1, 1), (109, 1), (111, 1)], mark=100)
    engine = opened(market)
    bounded = replace(request("a", Side.BUY, 2), limit_price=Decimal(105))
    assert told(engine.place(bounded, START)) == (OrderState.CANCELED, 1)
    assert told(engine.place(request("b", Side.BUY, 2), START)) == (OrderState.CANCELED, 1)


def test_a_close_is_cut_to_what_is_held_when_it_fills(
    market: WrittenMarket, engine: PaperEngine
) -> None:
    engine.place(request("open", Side.BUY, 1), START)
    engine.place(request("stop", Side.SELL, 1, 101, reduce_only=True), after(1))
    engine.place(request("close", Side.SELL, "0.4", reduce_only=True), after(2))
    market.write(bids=[(101.5, 5)], asks=[(102, 5)])
    engine.advance(after(3))
    assert engine.state.fills[-1].quantity == Decimal("0.6")
    report = engine.order("stop")
    assert report is not None
    assert told(report) == (OrderState.CANCELED, 0.6)
    assert engine.holdings() == {}


def test_a_waiting_close_goes_with_the_position(engine: PaperEngine) -> None:
    engine.place(request("open", Side.BUY, 1), START)
    engine.place(request("stop", Side.SELL, 1, 105, reduce_only=True), after(1))
    engine.place(request("close", Side.SELL, 1, reduce_only=True), after(2))
    assert engine.open_orders() == []


def test_average_entry_and_realised_profit(market: WrittenMarket, engine: PaperEngine) -> None:
    engine.place(request("a", Side.BUY, 1), START)
    market.write(bids=[(109.9, 5)], asks=[(110.1, 5)])
    engine.place(request("b", Side.BUY, 3), after(1))
    assert engine.holdings()[BTC].entry_price == Decimal("107.6")
    engine.place(request("c", Side.SELL, 1), after(2))
    account = engine.state.account
    assert account.realized_usd == Decimal("2.3")
    assert engine.holdings()[BTC].entry_price == Decimal("107.6")
    engine.place(request("d", Side.SELL, 4), after(3))
    assert engine.holdings()[BTC].quantity == -1
    assert engine.holdings()[BTC].entry_price == Decimal("109.9")
    assert account.realized_usd == Decimal("2.3") * 4


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (request("a", Side.BUY, 1, symbol="ETHUSDT"), RejectReason.UNKNOWN_SYMBOL),
        (request("a", Side.BUY, "0.0015"), RejectReason.OFF_STEP),
        (request("a", Side.BUY, 1, 100.05), RejectReason.OFF_STEP),
        (request("a", Side.BUY, 1, 0), RejectReason.OFF_STEP),
        (request("a", Side.BUY, -1), RejectReason.BELOW_MINIMUM),
        (request("a", Side.BUY, "0.001"), RejectReason.BELOW_MINIMUM),
        (request("a", Side.BUY, 1, 110.1), RejectReason.PRICE_OUT_OF_BAND),
        (request("a", Side.SELL, 1, 89.9), RejectReason.PRICE_OUT_OF_BAND),
        (request("a", Side.SELL, 1, reduce_only=True), RejectReason.WOULD_INCREASE),
        (request("a", Side.BUY, 100_000, 100), RejectReason.INSUFFICIENT_MARGIN),
        (request("a", Side.BUY, 1, tif=TimeInForce.POST_ONLY), RejectReason.OTHER),
        (replace(request("a", Side.BUY, 1, 100), limit_price=None), RejectReason.OTHER),
    ],
)
def test_refusals(engine: PaperEngine, order: OrderRequest, reason: RejectReason) -> None:
    with pytest.raises(RefusedError) as refused:
        engine.place(order, START)
    assert refused.value.reason is reason
    assert engine.order("a") is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trading": False}, RejectReason.NOT_TRADING),
        ({"max_quantity": Decimal("0.5")}, RejectReason.ABOVE_MAXIMUM),
        ({"min_quantity": Decimal(2)}, RejectReason.BELOW_MINIMUM),
    ],
)
def test_refusals_of_an_instrument(
    market: WrittenMarket, change: dict[str, object], reason: RejectReason
) -> None:
    market.list_symbol(replace(LIMITS, **change))  # type: ignore[arg-type]
    with pytest.raises(RefusedError) as refused:
        opened(market).place(request("a", Side.BUY, 1), START)
    assert refused.value.reason is reason


@pytest.mark.parametrize("dust_closes", [True, False])
def test_what_is_left_below_the_minimum_may_be_closed(
    market: WrittenMarket, dust_closes: bool
) -> None:
    engine = opened(market)
    engine.place(request("a", Side.BUY, "0.1"), START)
    engine.place(request("b", Side.SELL, "0.099", reduce_only=True), START)
    market.list_symbol(replace(LIMITS, dust_closes=dust_closes))
    dust = request("c", Side.SELL, "0.001", reduce_only=True)
    if dust_closes:
        assert engine.place(dust, START).state is OrderState.FILLED
    else:
        with pytest.raises(RefusedError):
            engine.place(dust, START)


@pytest.mark.parametrize("ids_stay_used", [True, False])
def test_an_id_that_is_used_again(market: WrittenMarket, ids_stay_used: bool) -> None:
    engine = opened(market, PaperRules(ids_stay_used=ids_stay_used))
    engine.place(request("a", Side.BUY, 1), START)
    if ids_stay_used:
        with pytest.raises(RefusedError):
            engine.place(request("a", Side.BUY, 1), after(1))
    else:
        engine.place(request("a", Side.BUY, 1), after(1))
    assert engine.holdings()[BTC].quantity == (1 if ids_stay_used else 2)


def test_too_many_orders_within_a_second(market: WrittenMarket) -> None:
    engine = opened(market, PaperRules(orders_per_second=2))
    for second in (0, 0.5):
        engine.place(request(f"a{second}", Side.BUY, 1, 99), after(second))
    with pytest.raises(RefusedError) as refused:
        engine.place(request("b", Side.BUY, 1, 99), after(0.9))
    assert refused.value.reason is RejectReason.RATE_LIMITED
    engine.place(request("b", Side.BUY, 1, 99), after(1))


def test_want_of_margin_never_holds_up_a_close(market: WrittenMarket) -> None:
    engine = opened(market, deposit=Decimal(11))
    engine.place(request("a", Side.BUY, 1), START)
    market.write(bids=[(95, 5)], asks=[(95.2, 5)])
    engine.advance(after(1))
    assert engine.balance().free_usd < 0
    with pytest.raises(RefusedError) as refused:
        engine.place(request("b", Side.BUY, "0.1"), after(2))
    assert refused.value.reason is RejectReason.INSUFFICIENT_MARGIN
    report = engine.place(request("c", Side.SELL, 1), after(3))
    assert report.state is OrderState.FILLED


def test_open_orders_need_margin(market: WrittenMarket) -> None:
    engine = opened(market, deposit=Decimal(100))
    engine.place(request("a", Side.BUY, 6, 99), START)
    with pytest.raises(RefusedError) as refused:
        engine.place(request("b", Side.BUY, 6, 99), START)
    assert refused.value.reason is RejectReason.INSUFFICIENT_MARGIN
    engine.place(request("c", Side.SELL, 6, 101), START)


def test_liquidation(market: WrittenMarket) -> None:
    rules = PaperRules(fees=FeeRates(maker_bps=Decimal(0), taker_bps=Decimal(0)))
    engine = opened(market, rules, deposit=Decimal(30))
    engine.place(request("a", Side.BUY, 2), START)
    engine.place(request("b", Side.BUY, "0.1", 95), START)
    holding = engine.holdings()[BTC]
    assert holding.liquidation_price is not None
    price = holding.liquidation_price
    assert float(price) == pytest.approx((200.3 - 30) / (2 * 0.97))
    market.write(bids=[(80, 1)], asks=[(99, 1)], mark=float(round(price, 4)) + 0.001)
    engine.advance(after(1))
    assert engine.holdings()[BTC].quantity == 2
    mark = Decimal(str(float(round(price, 4)) - 0.001))
    market.write(bids=[(80, 1)], asks=[(99, 1)], mark=float(mark))
    engine.advance(after(2))
    fill = engine.state.fills[-1]
    assert (fill.client_id, fill.liquidation, fill.price) == (None, True, mark)
    assert fill.fee_usd == 2 * mark * 50 / 10_000
    assert engine.holdings() == {}
    assert engine.open_orders() == []


def test_the_largest_position_is_liquidated_first_and_only_as_much_as_it_takes(
    market: WrittenMarket,
) -> None:
    other = "ETHUSDT"
    market.list_symbol(replace(LIMITS, venue_symbol=other))
    market.write(bids=[(9.9, 50)], asks=[(10.1, 50)], symbol=other, mark=10)
    engine = opened(market, deposit=Decimal(30))
    engine.place(request("a", Side.BUY, 2), START)
    engine.place(request("b", Side.BUY, 5, symbol=other), START)
    market.write(bids=[(80, 1)], asks=[(99, 1)], mark=88)
    engine.advance(after(1))
    assert set(engine.holdings()) == {other}
    assert engine.balance().equity_usd > engine.balance().maintenance_usd


def test_funding_is_paid_once_on_what_was_held_before(
    market: WrittenMarket, engine: PaperEngine
) -> None:
    engine.place(request("a", Side.SELL, 1), START)
    market.settle(after(60), "0.001", "100")
    engine.place(request("b", Side.SELL, 1), after(60))
    engine.advance(after(61))
    engine.advance(after(62))
    payment = engine.payments(START)[0]
    assert (float(payment.quantity), float(payment.amount_usd)) == (-1, 0.1)
    assert len(engine.payments(START)) == 1
    assert engine.state.account.funding_usd == Decimal("0.1")
    assert engine.payments(after(61)) == []


def test_what_was_closed_before_the_settlement_pays_nothing(
    market: WrittenMarket, engine: PaperEngine
) -> None:
    engine.place(request("a", Side.BUY, 1), START)
    engine.place(request("b", Side.SELL, 1), after(59))
    market.settle(after(60), "0.001", "100")
    engine.advance(after(61))
    assert engine.payments(START) == []


def test_a_settlement_that_becomes_known_late_is_paid(market: WrittenMarket) -> None:
    engine = opened(market, PaperRules(settlement_lateness=timedelta(minutes=10)))
    engine.place(request("a", Side.BUY, 1), START)
    engine.advance(after(90))
    engine.place(request("b", Side.SELL, 1), after(100))
    engine.advance(after(110))
    market.settle(after(60), "0.001", "100")
    engine.advance(after(120))
    assert [x.amount_usd for x in engine.payments(START)] == [Decimal("-0.1")]
    engine.advance(after(1_000))
    assert engine.state.watched == {}


def test_time_does_not_go_back(engine: PaperEngine) -> None:
    engine.place(request("a", Side.BUY, 1), after(10))
    engine.place(request("b", Side.BUY, 1), after(5))
    assert [x.filled_at for x in engine.state.fills] == [after(10), after(10)]


def test_deleveraging_takes_no_more_than_is_held(engine: PaperEngine) -> None:
    engine.place(request("a", Side.SELL, 1), START)
    engine.deleverage(BTC, Decimal(5), after(1))
    fill = engine.state.fills[-1]
    assert (fill.side, float(fill.quantity), float(fill.fee_usd)) == (Side.BUY, 1, 0)
    engine.deleverage(BTC, Decimal(5), after(2))
    assert len(engine.state.fills) == 2


def test_without_friction_everything_fills_at_the_price() -> None:
    market = PricedMarket({"A": Decimal("12.34")})
    engine = PaperEngine(market, FREE)
    engine.deposit(Decimal(10_000))
    report = engine.place(request("a", Side.BUY, "123.456789", symbol="A"), START)
    assert (report.state, report.average_price) == (OrderState.FILLED, Decimal("12.34"))
    market.set_price("A", Decimal("12.5"))
    engine.place(request("b", Side.SELL, "123.456789", symbol="A"), after(1))
    assert engine.balance().cash_usd == 10_000 + Decimal("123.456789") * Decimal("0.16")


def test_without_friction_limits_may_still_be_those_of_a_venue() -> None:
    limits = InstrumentLimits(
        venue_symbol="A",
        quantity_step=Decimal(1),
        price_step=Decimal("0.01"),
        min_quantity=Decimal(1),
    )
    engine = PaperEngine(PricedMarket({"A": Decimal(10)}, {"A": limits}), FREE)
    with pytest.raises(RefusedError):
        engine.place(request("a", Side.BUY, "1.5", symbol="A"), START)
