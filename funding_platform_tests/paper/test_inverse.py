"""Inverse contracts on paper, worked by hand: dollars that pay in coins, and coins behind them."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.core.trading import (
    FeeRates,
    InstrumentLimits,
    OrderState,
    RejectReason,
    Side,
)
from funding_platform.execution.paper.account_file import AccountFile
from funding_platform.paper import PaperEngine, PaperRules, PricedMarket, RefusedError, Settlement
from funding_platform_tests.paper.markets import START, WrittenMarket, after, request

COIN, CASH = "BTCUSD", "BTCUSDT"
LIMITS = InstrumentLimits(
    venue_symbol=COIN,
    quantity_step=Decimal(100),
    price_step=Decimal("0.1"),
    min_quantity=Decimal(100),
    contract_type="inverse",
)
NO_FEES = PaperRules(
    fees=FeeRates(maker_bps=Decimal(0), taker_bps=Decimal(0)),
    maintenance_margin=Decimal("0.02"),
    liquidation_bps=Decimal(0),
)
AT_5X = replace(NO_FEES, coin_collateral=Decimal("0.2"))


def priced(price: str = "100", kind: str = "inverse") -> PricedMarket:
    limits = replace(LIMITS, contract_type=kind)  # type: ignore[arg-type]
    return PricedMarket({COIN: Decimal(price), CASH: Decimal(price)}, {COIN: limits})


def opened(market: PricedMarket, rules: PaperRules, deposit: int = 10_000) -> PaperEngine:
    engine = PaperEngine(market, rules)
    engine.deposit(Decimal(deposit))
    return engine


def order(engine: PaperEngine, name: str, side: Side, dollars: int, seconds: float = 0) -> None:
    report = engine.place(request(name, side, dollars, symbol=COIN), after(seconds))
    assert report.state is OrderState.FILLED


@pytest.mark.parametrize(
    ("side", "ends", "just_before", "beyond"),
    [(Side.BUY, "85", "85.01", "84.99"), (Side.SELL, "122.5", "122.49", "122.51")],
)
def test_at_5x_it_is_liquidated_where_a_backtest_does_it(
    side: Side, ends: str, just_before: str, beyond: str
) -> None:
    market = priced()
    engine = opened(market, AT_5X)
    order(engine, "a", side, 1_000)
    assert engine.holdings()[COIN].liquidation_price == Decimal(ends)
    market.set_price(COIN, Decimal(just_before))
    engine.advance(after(1))
    ratio = engine.holdings()[COIN].margin_ratio
    assert ratio is not None
    assert ratio == pytest.approx(1, abs=0.02)
    market.set_price(COIN, Decimal(beyond))
    engine.advance(after(2))
    assert engine.holdings() == {}
    (_, taken) = engine.fills(START)
    assert taken.liquidation
    assert (taken.quantity, taken.price) == (Decimal(1_000), Decimal(beyond))
    lost = side.sign * 1_000 * (Decimal(beyond) / 100 - 1)
    assert engine.balance().cash_usd == 10_000 + lost


def test_a_short_at_1x_is_never_liquidated() -> None:
    market = priced()
    engine = opened(market, replace(NO_FEES, coin_collateral=Decimal(1)))
    order(engine, "a", Side.SELL, 1_000)
    assert engine.holdings()[COIN].liquidation_price is None
    market.set_price(COIN, Decimal(1_000_000))
    engine.advance(after(1))
    assert engine.holdings()[COIN].quantity == -1_000


def test_profit_counts_at_the_price_of_its_instant() -> None:
    market = priced("50000")
    engine = opened(market, NO_FEES)
    order(engine, "a", Side.SELL, 10_000)
    market.set_price(COIN, Decimal(40_000))
    engine.advance(after(1))
    assert engine.holdings()[COIN].unrealized_usd == 2_000  # 10,000 (1 - 40,000 / 50,000)
    assert engine.balance().equity_usd == 12_000
    order(engine, "b", Side.BUY, 4_000, 2)
    market.set_price(COIN, Decimal(50_000))
    engine.advance(after(3))
    balance, account = engine.balance(), engine.state.account
    assert account.realized_usd == 800  # of 4,000 at 40,000, whatever follows
    assert balance.equity_usd == 10_800
    assert balance.cash_usd == 10_000 + account.realized_usd


def test_fees_and_funding_hang_on_the_dollars() -> None:
    market = priced("50000")
    rules = PaperRules(fees=FeeRates(maker_bps=Decimal(2), taker_bps=Decimal(5)))
    engine = opened(market, rules, 20_000)
    order(engine, "a", Side.SELL, 10_000)
    assert engine.state.account.fees_usd == 5
    settlement = Settlement(settled_at=after(60), rate=Decimal("0.0001"), mark=Decimal(40_000))
    market.settle(COIN, settlement)
    engine.advance(after(61))
    (paid,) = engine.payments(START)
    assert (paid.amount_usd, paid.quantity) == (Decimal(1), Decimal(-10_000))
    own = engine.state.account.positions[COIN].own
    assert own is not None
    assert own.coins == Decimal("0.2") + Decimal(1) / 40_000  # collateral, and what was received
    assert engine.holdings()[COIN].locked_usd == 10_001
    assert engine.balance().free_usd == 20_000 - 5 - 10_000  # funding went to the coins


def test_the_average_of_two_prices_is_that_of_the_coins() -> None:
    market = WrittenMarket(LIMITS)
    market.write(bids=[(99, 1_000)], asks=[(100, 1_000), (125, 1_000)], symbol=COIN, mark=100)
    engine = PaperEngine(market, replace(NO_FEES, initial_margin=Decimal(0)))
    engine.deposit(Decimal(10_000))
    report = engine.place(request("a", Side.BUY, 2_000, symbol=COIN), START)
    # 1,000 dollars at 100 are 10 coins and at 125 are 8: 2,000 / 18, and not 112.5.
    assert report.average_price == Decimal(2_000) / 18
    assert engine.holdings()[COIN].entry_price == Decimal(2_000) / 18


def test_its_collateral_is_no_longer_free_and_a_loss_is_its_own() -> None:
    market = priced()
    engine = opened(market, AT_5X, 1_000)
    order(engine, "a", Side.BUY, 3_000)
    assert engine.balance().free_usd == 400
    with pytest.raises(RefusedError) as refused:
        engine.place(request("b", Side.BUY, 2_100, symbol=COIN), START)
    assert refused.value.reason is RejectReason.INSUFFICIENT_MARGIN
    market.set_price(COIN, Decimal(90))
    engine.advance(after(1))
    assert engine.balance().equity_usd == 700
    assert engine.balance().free_usd == 400
    assert engine.holdings()[COIN].locked_usd == 300
    order(engine, "c", Side.SELL, 1_500, 2)
    assert engine.balance().free_usd == 400 + 300 - 150  # half of it back, less half of the loss
    assert engine.holdings()[COIN].liquidation_price == 85  # and half of the coins behind the rest


def test_the_smallest_value_is_in_dollars_whatever_a_coin_costs() -> None:
    market = PricedMarket(
        {COIN: Decimal("0.01")}, {COIN: replace(LIMITS, min_notional_usd=Decimal(150))}
    )
    engine = opened(market, NO_FEES)
    order(engine, "a", Side.BUY, 200)
    with pytest.raises(RefusedError) as refused:
        engine.place(request("b", Side.BUY, 100, symbol=COIN), START)
    assert refused.value.reason is RejectReason.BELOW_MINIMUM


def test_an_order_that_waits_needs_its_collateral_too() -> None:
    engine = opened(priced(), AT_5X, 1_000)
    order(engine, "a", Side.BUY, 1_000)
    engine.place(request("b", Side.BUY, 2_000, 90, symbol=COIN), START)
    engine.place(request("c", Side.SELL, 2_000, 110, symbol=COIN), START)
    # 200 stand behind what is held; the buy may make it 3,000, and the sell only 1,000 short.
    assert engine.balance().free_usd == 1_000 - 200 - 400


def test_without_collateral_of_its_own_the_whole_account_stands_behind_it() -> None:
    market = priced()
    engine = opened(market, replace(NO_FEES, coin_collateral=Decimal(0)), 500)
    order(engine, "a", Side.BUY, 1_000)
    assert engine.balance().free_usd == 400
    assert engine.holdings()[COIN].liquidation_price == 52  # 500 less 480 lost are 2 % of 1,000
    market.set_price(COIN, Decimal("51.9"))
    engine.advance(after(1))
    assert engine.holdings() == {}


def test_a_linear_position_is_not_saved_by_coins_behind_another() -> None:
    market = priced()
    engine = opened(market, AT_5X, 1_000)
    order(engine, "a", Side.SELL, 4_000)
    engine.place(request("b", Side.BUY, 10, symbol=CASH), START)
    market.set_price(CASH, Decimal("81.5"))
    engine.advance(after(1))
    assert engine.holdings().keys() == {COIN}


def test_a_quanto_contract_is_refused() -> None:
    engine = opened(priced(kind="quanto"), NO_FEES)
    with pytest.raises(RefusedError, match="quanto"):
        engine.place(request("a", Side.BUY, 100, symbol=COIN), START)


def test_an_account_comes_back_with_its_coins(tmp_path: Path) -> None:
    market = priced()
    file = AccountFile(tmp_path / "account.sqlite")
    engine = file.engine(market, AT_5X, deposit_usd=Decimal(10_000))
    order(engine, "a", Side.SELL, 1_000)
    file.save()
    file.close()
    again = AccountFile(tmp_path / "account.sqlite")
    back = again.engine(market, AT_5X, deposit_usd=Decimal(10_000))
    assert back.holdings() == engine.holdings()
    assert back.order("a") == engine.order("a")
    again.close()
