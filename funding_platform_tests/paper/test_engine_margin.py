"""Cases worked by hand: margin, liquidation, deleveraging, and funding of what is held."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from funding_platform.core.trading import (
    FeeRates,
    OrderState,
    RejectReason,
    Side,
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
