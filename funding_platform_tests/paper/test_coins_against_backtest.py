"""A leg in dollars, in a backtest and on paper: liquidated at one price, and worth the same."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.engine import run_backtest
from funding_platform.core.trading import InstrumentLimits, Side
from funding_platform.paper import FREE, PaperEngine, PricedMarket, Settlement
from funding_platform_tests.backtest.legs import A, leg
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    Told,
    config,
    price_frame,
    provider_of,
    settlement,
)
from funding_platform_tests.backtest.test_margins import ISOLATED, facts
from funding_platform_tests.examples import costly
from funding_platform_tests.paper.markets import request

SYMBOL = "BTC-PERP"
DOLLARS = 10_000
COIN = InstrumentLimits(
    venue_symbol=SYMBOL,
    quantity_step=Decimal(1),
    price_step=Decimal("0.01"),
    min_quantity=Decimal(1),
    contract_type="inverse",
)
Course = list[tuple[float, float]]
"""Price and settled rate by the hour."""

HOURS = st.tuples(
    st.floats(-0.15, 0.15).map(lambda move: 1 + move),
    st.floats(-0.01, 0.01).map(lambda rate: round(rate, 6)),
)


def course_of(moves: Course) -> Course:
    price, found = 100.0, [(100.0, 0.0)]
    for move, rate in moves:
        price = round(price * move, 2)
        found.append((price, rate))
    return found


def in_backtest(course: Course, side: Side, leverage: int) -> tuple[bool, float, float]:
    """Whether it is liquidated, what it brought, and its funding."""
    rows = [settlement("a", hour, rate, 1.0, price) for hour, (price, rate) in enumerate(course)]
    prices = price_frame([("a", float(hour), price) for hour, (price, _) in enumerate(course)])
    data = provider_of(*rows, instruments=facts(a="inverse"), prices=prices)
    legs = (A, None) if side is Side.BUY else (None, A)
    run = run_backtest(
        config(len(course) - 1, margin={**ISOLATED, "leverage": leverage}),
        data,
        Told({0.0: legs}, size_usd=DOLLARS),
    )
    found = leg(run, "a")
    brought = found["price_pnl_usd"] + found["funding_usd"]
    return found["exit_reason"] == "liquidation", brought, found["funding_usd"]


def on_paper(course: Course, side: Side, leverage: int) -> tuple[bool, float, float]:
    market = PricedMarket({SYMBOL: Decimal(100)}, {SYMBOL: COIN})
    share = Decimal(1) / leverage
    rules = replace(FREE, coin_collateral=share, maintenance_margin=Decimal("0.02"))
    engine = PaperEngine(market, rules)
    engine.deposit(Decimal(DOLLARS))
    engine.place(request("one", side, DOLLARS, symbol=SYMBOL), START)
    for hour, (price, rate) in enumerate(course[1:], 1):
        at, mark = START + hour * HOUR, Decimal(repr(price))
        market.set_price(SYMBOL, mark)
        settled = Settlement(settled_at=at, rate=Decimal(repr(rate)), mark=mark)
        market.settle(SYMBOL, settled)
        engine.advance(at)
    balance = engine.balance()
    gone = any(fill.liquidation for fill in engine.fills(START))
    return (
        gone,
        float(balance.equity_usd - DOLLARS),
        float(engine.state.account.funding_usd),
    )


@costly(20)
@given(
    st.lists(HOURS, min_size=1, max_size=8).map(course_of),
    st.sampled_from(Side),
    st.sampled_from([1, 2, 5]),
)
def test_they_end_alike(course: Course, side: Side, leverage: int) -> None:
    simulated, traded = in_backtest(course, side, leverage), on_paper(course, side, leverage)
    assert traded[0] == simulated[0]
    assert traded[1:] == pytest.approx(simulated[1:], abs=1e-6)
