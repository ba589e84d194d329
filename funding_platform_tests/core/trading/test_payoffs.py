"""What a contract is worth: numbers worked by hand, and decimals and floats by one formula."""

from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.trading import payoffs

D = Decimal
SIZES = st.integers(-1_000, 1_000).filter(bool).map(D)
PRICES = st.integers(50, 200).map(D)


def test_an_inverse_contract_is_dollars_and_gains_what_its_coins_do() -> None:
    # 10,000 dollars at 50,000 are 0.2 coins; at 55,000 they are 0.1818, so 0.01818 were won.
    assert payoffs.notional_usd(True, D(10_000), D(50_000)) == 10_000
    assert payoffs.base_of(True, D(10_000), D(50_000)) == D("0.2")
    assert payoffs.size_of_base(True, D("0.2"), D(50_000)) == 10_000
    assert payoffs.pnl_usd(True, D(10_000), D(50_000), D(55_000)) == 1_000
    assert payoffs.pnl_usd(True, D(-10_000), D(50_000), D(40_000)) == 2_000


def test_its_funding_hangs_on_the_dollars_alone() -> None:
    for mark in (D(40_000), D(60_000)):
        assert payoffs.funding_usd(True, D(-10_000), mark, D("0.0001")) == 1
    assert payoffs.funding_usd(False, D("-0.2"), D(60_000), D("0.0001")) == D("1.2")


def test_a_quanto_contract_is_linear_in_its_coin() -> None:
    # 1,000 contracts of 0.000001 BTC per dollar of ETH, at 3,000 dollars and BTC at 60,000.
    size = 1_000 * 1e-6
    assert payoffs.notional_usd(False, size, 3_000.0, 60_000.0) == pytest.approx(180_000)
    assert payoffs.pnl_usd(False, size, 3_000.0, 3_100.0, 60_000.0) == pytest.approx(6_000)
    assert payoffs.funding_usd(False, size, 3_000.0, 1e-4, 60_000.0) == pytest.approx(-18)


@pytest.mark.parametrize(
    ("sign", "leverage", "price"), [(1, 5, "85"), (-1, 5, "122.5"), (-1, 1, None), (1, 1, "51")]
)
def test_where_coins_run_out(sign: int, leverage: int, price: str | None) -> None:
    signed, entry, rate = D(100) * sign, D(100), D("0.02")
    margin = payoffs.margin_of(True, D(100) / leverage, entry)
    ends = payoffs.ends_at(margin, signed, entry, rate)
    assert ends == (None if price is None else D(price))
    if ends is not None:
        pnl = payoffs.pnl_usd(True, signed, entry, ends)
        assert payoffs.worth_usd(True, margin, pnl, ends) == pytest.approx(rate * 100)


def test_what_closes_takes_its_share_of_what_the_position_is_in_base() -> None:
    trades = [(10_000, 50_000), (5_000, 40_000), (-6_000, 60_000), (-9_000, 30_000)]
    held = base = D(0)
    changes = []
    for change, price in trades:
        changes.append(payoffs.base_change(True, held, base, D(change), D(price)))
        held, base = held + change, base + changes[-1]
    assert changes == [D("0.2"), D("0.125"), D("-0.13"), D("-0.195")]
    assert held == base == 0


def test_a_trade_that_turns_a_position_closes_all_of_it_first() -> None:
    assert payoffs.base_change(True, D(100), D(1), D(-300), D(50)) == -1 - 4


@given(st.lists(st.tuples(SIZES, PRICES), min_size=1, max_size=12), PRICES)
def test_cash_and_what_is_held_are_worth_what_every_close_gained(
    trades: list[tuple[Decimal, Decimal]], mark: Decimal
) -> None:
    """``-sum of change of base * price``, and base at the mark, against profit close by close."""
    held = base = cash = gained = D(0)
    for change, price in trades:
        entry = held / base if held else price
        closed = -held if abs(change) > abs(held) else change
        if held * change < 0:
            gained += payoffs.pnl_usd(True, -closed, entry, price)
        part = payoffs.base_change(True, held, base, change, price)
        held, base, cash = held + change, base + part, cash - part * price
    if held:
        gained += payoffs.pnl_usd(True, held, held / base, mark)
    assert float(cash + base * mark) == pytest.approx(float(gained), abs=1e-9)


@given(SIZES, PRICES, PRICES)
def test_decimals_and_floats_agree(size: Decimal, entry: Decimal, price: Decimal) -> None:
    exact = payoffs.pnl_usd(True, size, entry, price)
    assert float(exact) == pytest.approx(
        payoffs.pnl_usd(True, float(size), float(entry), float(price)), abs=1e-9
    )


@given(st.lists(st.tuples(st.integers(1, 1_000).map(D), PRICES), min_size=1, max_size=5))
def test_the_average_price_of_fills_is_that_of_all_their_coins(
    fills: list[tuple[Decimal, Decimal]],
) -> None:
    size = list(accumulate(quantity for quantity, _ in fills))[-1]
    coins = sum((payoffs.settled(True, quantity, price) for quantity, price in fills), D(0))
    average = payoffs.average_price(True, size, coins)
    assert float(size / average) == pytest.approx(float(coins))
    assert min(p for _, p in fills) <= average + D("1E-9")
    assert average - D("1E-9") <= max(p for _, p in fills)
