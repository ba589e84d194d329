"""Cases worked by hand: what is filled at what, who pays what, what is refused and why."""

from dataclasses import replace
from decimal import Decimal

import pytest

from funding_platform.core.trading import (
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
    opened,
    request,
)


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
