"""Contracts that are quoted in dollars and settle in a coin that is neither, worked out by hand.

ETH at 2,000 dollars and bitcoin at 50,000: a position of 10,000 dollars is one whose contracts pay
0.0001 bitcoin, 5 dollars then, for each dollar that ETH moves.
"""

from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform_tests.backtest.legs import PAIR, A, leg, settled
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    Told,
    config,
    provider_of,
    settlement,
)

UNGUARDED: dict[str, Any] = {"leverage": 2, "rebalance_threshold": None, "maintenance_rate": 0.02}
ONE, LONG, SHORT = {0.0: (A, None)}, (A, None), (None, A)


def coin(*prices: tuple[float, float]) -> pl.DataFrame:
    """Dollars per bitcoin by hours after the start."""
    return pl.DataFrame(
        [("BTC", START + hour * HOUR, price) for hour, price in prices],
        schema={"coin": pl.String, "time": UTC_TIME, "price": pl.Float64},
        orient="row",
    )


def facts(venue: str = "a", kind: str = "quanto", **more: Any) -> dict[str, object]:
    settle = "BTC" if kind == "quanto" else None
    key = {"venue": venue, "venue_symbol": "BTC-PERP", "base": "BTC"}
    return {**key, "contract_type": kind, "settle": settle, "multiplier": 1.0} | more


def market(
    prices: dict[float, float], coins: pl.DataFrame | None, *, rate: float = 0.0, **fact: Any
) -> FundingDataProvider:
    rows = [settlement("a", hour, rate, 8.0, price) for hour, price in prices.items()]
    return provider_of(*rows, instruments=pl.DataFrame([facts(**fact)]), coin_prices=coins)


def held(data: FundingDataProvider, hours: float = 8, **changes: Any) -> BacktestResult:
    result = run_backtest(config(hours, **{"margin": UNGUARDED} | changes), data, Told(ONE))
    assert result.identity_error < 1e-12
    return result


def test_profit_is_in_coin_and_worth_what_the_coin_is_when_it_is_taken() -> None:
    data = market({0: 2_000.0, 8: 2_200.0}, coin((0, 50_000.0), (8, 60_000.0)))
    found = leg(held(data), "a")
    assert found["notional_usd"] == pytest.approx(10_000)
    assert found["price_pnl_usd"] == pytest.approx(0.0001 * 200 * 60_000)
    assert (found["entry_price"], found["exit_price"]) == (2_000.0, 2_200.0)


def test_where_the_coin_alone_moves_nothing_is_won() -> None:
    result = held(market({0: 2_000.0, 8: 2_000.0}, coin((0, 50_000.0), (4, 25_000.0))))
    assert leg(result, "a")["price_pnl_usd"] == 0.0
    assert result.equity["equity"].unique().to_list() == [100_000.0]
    # The contracts are worth half as many dollars, and so is what the account holds of the asset.
    gross = result.equity["gross_usd"].to_list()
    assert (gross[1], gross[5]) == pytest.approx((10_000, 5_000))


def test_an_open_profit_is_worth_what_the_coin_is_at_every_hour() -> None:
    data = market({0: 2_000.0, 2: 2_200.0, 8: 2_200.0}, coin((0, 50_000.0), (4, 40_000.0)))
    equity = held(data).equity["equity"].to_list()
    assert equity[2:6] == pytest.approx([100_000 + gain for gain in (1_000, 1_000, 800, 800)])


def test_funding_is_paid_in_coin_of_the_value_in_coin() -> None:
    data = market(
        {0: 2_000.0, 4: 2_100.0, 8: 2_000.0}, coin((0, 50_000.0), (4, 55_000.0)), rate=1e-3
    )
    hours = dict(settled(held(data), "a"))
    assert hours[4.0] == pytest.approx(-0.0001 * 2_100 * 1e-3 * 55_000)
    assert hours[8.0] == pytest.approx(-0.0001 * 2_000 * 1e-3 * 55_000)


@pytest.mark.parametrize("bitcoin", [20_000.0, 50_000.0, 90_000.0])
@pytest.mark.parametrize(
    ("legs", "price"), [(LONG, 2_000 * 0.8 / 0.98), (SHORT, 2_000 * 1.2 / 1.02)]
)
def test_a_leg_at_5x_is_liquidated_at_a_price_that_the_coin_does_not_change(
    legs: Any, price: float, bitcoin: float
) -> None:
    bars = pl.DataFrame(
        {
            "venue": "a",
            "venue_symbol": "BTC-PERP",
            "time": [START + HOUR],
            "low": 1_000.0,
            "high": 3_000.0,
            "price": 2_000.0,
        }
    )
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 2_000.0),
        settlement("a", 8, 0.0, 8.0),
        instruments=pl.DataFrame([facts()]),
        prices=bars,
        coin_prices=coin((0, 50_000.0), (0.5, bitcoin)),
    )
    setting = config(8, margin={**UNGUARDED, "leverage": 5})
    found = leg(run_backtest(setting, data, Told({0.0: legs})), "a")
    assert found["exit_reason"] == "liquidation"
    assert found["exit_price"] == pytest.approx(price, rel=1e-9)


def test_funding_and_transfers_are_collateral_in_coin() -> None:
    # Half of 0.2 bitcoin is posted; a rate of -10 % brings 0.02 more, and ETH may fall to where
    # 0.12 + 0.0001 (p - 2,000) is 2 % of 0.0001 p, wherever bitcoin is by then.
    data = market({0: 2_000.0, 1: 2_000.0, 2: 800.0, 8: 800.0}, coin((0, 5e4), (1.5, 2e4)))
    rates = data.funding_rates.with_columns(
        funding_rate=pl.when(pl.col("funding_time") == START + HOUR).then(-0.1).otherwise(0.0)
    )
    keyed = rates.with_columns(venue=pl.lit("a"), venue_symbol=pl.lit("BTC-PERP"))
    paid = FundingDataProvider.from_frames(
        keyed.drop("instrument", "known_at"),
        pl.DataFrame([facts()]),
        coin_prices=coin((0, 5e4), (1.5, 2e4)),
    )
    assert leg(held(paid), "a")["exit_reason"] == "liquidation"
    threshold = (0.0001 * 2_000 - 0.12) / (0.0001 * 0.98)
    assert 800.0 < threshold < 820.0


def test_sizes_are_whole_contracts() -> None:
    # A contract pays 0.000001 bitcoin a dollar: 100 dollars of ETH at these prices.
    data = market({0: 2_000.0, 8: 2_000.0}, coin((0, 50_000.0)), min_size=1.0, contract_size=1e-6)
    setting = {"position_usd": 1_049.0}
    assert leg(held(data, **setting), "a")["notional_usd"] == pytest.approx(1_000)


def test_a_pair_with_a_linear_leg_is_as_large_on_both_sides() -> None:
    rows = [settlement(venue, hour, 0.0, 8.0, 2_000.0) for venue in "ab" for hour in (0, 8)]
    data = provider_of(
        *rows,
        instruments=pl.DataFrame([facts("a"), facts("b", "linear")]),
        coin_prices=coin((0, 50_000.0), (8, 60_000.0)),
    )
    result = run_backtest(config(8, margin=UNGUARDED), data, Told(PAIR))
    assert result.trades["quantity_base"].to_list() == pytest.approx([5.0, 5.0])
    assert result.trades["price_pnl_usd"].to_list() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("coins", "why"),
    [
        (None, "no price was known"),
        (coin((4, 50_000.0)), "no price was known"),
        (coin((-6, 50_000.0)), "no price was known within max_price_age_hours"),
    ],
)
def test_nothing_is_opened_where_nobody_knows_what_the_coin_is_worth(
    coins: pl.DataFrame | None, why: str
) -> None:
    result = held(market({0: 2_000.0, 8: 2_000.0}, coins))
    assert result.trades.is_empty()
    assert f"1 positions were not opened: {why}" in result.warnings


def test_a_quanto_contract_must_say_what_it_settles_in() -> None:
    with pytest.raises(DataError, match="a BTC-PERP: a quanto contract without settle"):
        market({0: 2_000.0}, None, settle=None)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_of_a_coin_that_cannot_be_is_refused(price: float) -> None:
    with pytest.raises(DataError, match="coin_prices"):
        market({0: 2_000.0}, coin((0, price)))
