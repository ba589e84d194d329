"""Where money came from adds up to the run; what lies on a venue is worked out by hand."""

from datetime import timedelta

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.attribution import (
    best_and_worst,
    by_holding_time,
    by_leg,
    by_month,
)
from funding_platform.backtest.results.venue_default import venue_at_risk
from funding_platform.backtest.search.capacity import capacity_curve
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import (
    START,
    Told,
    config,
    drawn_market,
    provider_of,
    settlement,
)
from funding_platform_tests.known import known

CARRY = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4)
MARKET = FundingDataProvider.from_frames(drawn_market(3, hours=1_000))
RESULT = run_backtest(
    config(1_000.0, costs={"flat_fee_bps": 1.0}, strategy=CARRY, close_at_end=False), MARKET
)
NET = RESULT.equity["equity"][-1] - 100_000


@pytest.mark.parametrize("name", ["venue", "base"])
def test_legs_add_up_to_the_run(name: str) -> None:
    found = by_leg(RESULT.trades, name)
    assert found["legs"].sum() == RESULT.trades.height
    assert found["net_usd"].sum() == pytest.approx(NET)
    parts = found["funding_usd"] + found["price_usd"] - found["costs_usd"]
    assert parts.to_list() == pytest.approx(found["net_usd"].to_list())
    assert found["net_usd"].is_sorted(descending=True)


def test_months_add_up_to_the_run() -> None:
    found = by_month(RESULT.equity)
    assert found.select("year", "month").rows() == [(2025, 3), (2025, 4)]
    assert found["net_usd"].sum() == pytest.approx(NET)
    assert found["return"].null_count() == 0


def test_a_row_at_midnight_closes_its_month() -> None:
    turn = START + timedelta(days=31)
    march = RESULT.equity.filter(pl.col("time") <= turn)
    assert by_month(march)["month"].to_list() == [3]
    (row,) = by_month(march).rows(named=True)
    assert row["net_usd"] == pytest.approx(march["equity"][-1] - 100_000)


def test_holding_times_hold_every_closed_position_once() -> None:
    found = by_holding_time(RESULT.positions)
    closed = RESULT.positions.filter(pl.col("closed_at").is_not_null())
    assert found["positions"].sum() == closed.height
    assert found["net_usd"].sum() == pytest.approx(closed["net_pnl_usd"].sum())


@pytest.mark.parametrize("count", [1, 3, 1_000])
def test_no_trade_is_among_the_best_and_the_worst(count: int) -> None:
    best, worst = best_and_worst(RESULT.positions, count)
    closed = RESULT.positions.filter(pl.col("closed_at").is_not_null())
    assert best["net_usd"][0] == closed["net_pnl_usd"].max()
    assert worst["net_usd"][0] == closed["net_pnl_usd"].min()
    assert known(best["net_usd"].min()) >= known(worst["net_usd"].max())
    assert best.height + worst.height == min(closed.height, 2 * count)


def test_what_lies_on_a_venue_is_collateral_funding_and_gain() -> None:
    """10,000 long on a, short on b, at 2x; the price doubles, and b pays 1 % at hour 16."""
    prices = {0: 100.0, 8: 100.0, 16: 130.0, 24: 130.0}
    market = provider_of(
        *(
            settlement(venue, hour, 0.01 if (venue, hour) == ("b", 16) else 0.0, 8.0, price)
            for venue in ("a", "b")
            for hour, price in prices.items()
        )
    )
    told = Told({8.0: (("a", "BTC-PERP"), ("b", "BTC-PERP"))}, closes=(23.0,))
    run = run_backtest(config(24.0, margin={"rebalance_threshold": None}), market, told)
    found = {
        row["venue"]: row
        for row in venue_at_risk(run.trades, run.ledger, run.equity, 2.0).rows(named=True)
    }
    assert found["a"]["at_risk_usd"] == pytest.approx(5_000 + 3_000)
    assert found["a"]["at"] == START + timedelta(hours=16)
    assert found["a"]["share"] == pytest.approx(8_000 / run.equity["equity"][16])
    assert found["b"]["at_risk_usd"] == pytest.approx(5_000)
    assert found["b"]["at"] == START + timedelta(hours=8)
    spot = pl.DataFrame({"venue": "a", "venue_symbol": "BTC-PERP", "contract_type": "spot"})
    with_spot = venue_at_risk(run.trades, run.ledger, run.equity, 2.0, spot)
    at_risk = dict(with_spot.select("venue", "at_risk_usd").iter_rows())
    assert at_risk == pytest.approx({"a": 10_000 + 3_000, "b": 5_000})


def test_nothing_lies_anywhere_without_trades() -> None:
    idle = run_backtest(config(100.0), MARKET, Told({}))
    assert venue_at_risk(idle.trades, idle.ledger, idle.equity, 2.0).is_empty()


def test_capacity_bends_down_where_impact_eats_the_edge() -> None:
    setting = config(
        240.0,
        costs={"flat_fee_bps": 0.0, "slippage": {"impact": "linear", "bps_per_million": 500.0}},
        strategy=CARRY,
    )
    curve = capacity_curve(setting, MARKET, (0.1, 1.0, 10.0))
    returns = curve["return"].to_list()
    assert curve["capital_usd"].to_list() == pytest.approx([1e4, 1e5, 1e6])
    assert returns[0] > returns[1] > returns[2]
    assert curve["impact_usd"][2] > 50 * curve["impact_usd"][1]
