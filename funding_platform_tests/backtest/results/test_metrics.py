"""The figures of a run, worked by hand, absent where they are undefined."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.errors import UnmeasurableError
from funding_platform.backtest.results.bootstrap import Bootstrap
from funding_platform.backtest.results.metrics import PnlSplit, capacity, measure, venue_exposure
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform_tests.backtest.results.equities import DAY, START, daily, equity_frame

HOUR = timedelta(hours=1)
TRADE_SCHEMA: dict[str, Any] = {
    "opened_at": UTC_TIME,
    "closed_at": UTC_TIME,
    "traded_usd": pl.Float64,
    "impact_usd": pl.Float64,
    "net_pnl_usd": pl.Float64,
}


def trades(*rows: tuple[datetime, datetime | None, float, float | None, float]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TRADE_SCHEMA, orient="row")


NO_TRADES = trades()
THREE = trades(
    (START, START + 10 * HOUR, 400.0, 1.0, 5.0),
    (START + DAY, START + DAY + 20 * HOUR, 600.0, 1.0, -2.0),
    (START + DAY, None, 10_000.0, None, 50.0),
)
amounts = st.floats(-1e6, 1e6)


def test_a_run_worked_by_hand() -> None:
    found = measure(daily(1000, 1100, 990, 1210), THREE, Bootstrap(resamples=200))
    assert found.total_return == pytest.approx(0.21)
    assert found.annualised_return == pytest.approx(1.21 ** (365 / 3) - 1)
    assert found.max_drawdown == pytest.approx(0.1)
    assert found.max_drawdown_days == 2
    assert found.calmar == pytest.approx((1.21 ** (365 / 3) - 1) / 0.1)
    assert found.worst_day == date(2025, 3, 2)
    assert found.worst_day_return == pytest.approx(-0.1)
    assert found.trades == 2
    assert found.hit_rate == 0.5
    assert found.mean_holding_hours == 15
    assert found.turnover == pytest.approx(1000 / 1100 * 365 / 3)
    # before impact 3 + 2 = 5 on 1000: half of it is eaten at 1000 * 5 / (2 * 2)
    assert found.capacity_usd == pytest.approx(1250)
    assert found.sharpe is not None


def test_a_run_that_did_nothing_has_returns_of_zero_and_no_ratios() -> None:
    found = asdict(measure(daily(*[1000.0] * 30), NO_TRADES))
    zero = {"total_return", "annualised_return", "volatility", "max_drawdown", "trades"}
    assert {name for name, value in found.items() if value == 0} == zero | {"worst_day_return"}
    assert {name for name, value in found.items() if value is None} == {
        "sharpe",
        "sharpe_low",
        "sharpe_high",
        "sharpe_adjusted",
        "sharpe_adjusted_low",
        "sharpe_adjusted_high",
        "effective_days",
        "sortino",
        "calmar",
        "max_drawdown_days",
        "hit_rate",
        "turnover",
        "mean_holding_hours",
        "capacity_usd",
    }


def test_the_adjusted_ratio_stands_beside_the_plain_one() -> None:
    values = 1_000 * np.cumprod(1 + np.random.default_rng(3).normal(1e-3, 5e-3, 200))
    found = measure(daily(*values.tolist()), NO_TRADES, Bootstrap(resamples=0))
    ratios = found.sharpe_adjusted_low, found.sharpe_adjusted, found.sharpe_adjusted_high
    assert all(one is not None for one in ratios)
    assert ratios[0] < ratios[1] < ratios[2]
    assert found.effective_days is not None
    assert 50 < found.effective_days <= 199


def test_a_run_of_one_instant_has_no_days() -> None:
    found = measure(daily(1000.0), THREE)
    assert found.total_return == 0
    assert [found.volatility, found.worst_day, found.annualised_return, found.turnover] == [
        None
    ] * 4


@pytest.mark.parametrize(
    "equity", [equity_frame([]), daily(0, 1), daily(-5, 5), daily(float("nan"))]
)
def test_what_cannot_be_measured_is_refused(equity: pl.DataFrame) -> None:
    with pytest.raises(UnmeasurableError):
        measure(equity, NO_TRADES)


@pytest.mark.parametrize(
    ("impacts", "profits"),
    [([], []), ([0.0, 0.0], [5.0, 5.0]), ([1.0, None], [5.0, 5.0]), ([1.0, 1.0], [-5.0, 1.0])],
)
def test_capacity_is_absent_without_volumes_impact_or_edge(
    impacts: list[float | None], profits: list[float]
) -> None:
    rows = pl.DataFrame(
        {"impact_usd": impacts, "net_pnl_usd": profits},
        schema={"impact_usd": pl.Float64, "net_pnl_usd": pl.Float64},
    )
    assert capacity(rows, 1000.0) is None


@given(st.floats(0.01, 100), st.floats(0.1, 1000), st.floats(1, 1e6))
def test_at_capacity_impact_is_half_of_what_is_earned_before_it(
    impact: float, net: float, capital: float
) -> None:
    found = capacity(pl.DataFrame({"impact_usd": [impact], "net_pnl_usd": [net]}), capital)
    assert found is not None
    scale = found / capital
    assert scale**2 * impact == pytest.approx(scale * (net + impact) / 2)


@given(amounts, amounts, *[st.floats(0, 1e5)] * 4)
def test_components_add_up(
    funding: float, price: float, fees: float, slippage: float, borrow: float, penalties: float
) -> None:
    split = PnlSplit(funding, price, fees, slippage, borrow, penalties)
    assert sum(split.signed().values()) == pytest.approx(split.net, abs=1e-6)
    assert split.gap(split.net) == 0
    shares = split.shares().values()
    if abs(split.net) > 1:
        assert sum(one for one in shares if one is not None) == pytest.approx(1, abs=1e-6)


def test_shares_of_nothing_are_absent() -> None:
    assert set(PnlSplit(5, 0, 3, 2, 0, 0).shares().values()) == {None}


def test_a_cent_that_went_missing_shows() -> None:
    assert PnlSplit(10, -2, 1, 0.5, 0, 0).gap(6.49) == pytest.approx(-0.01)


def test_exposure_is_weighted_by_time() -> None:
    held = pl.DataFrame(
        [
            (START, "okx", 100.0),
            (START + DAY, "okx", 0.0),
            (START + 3 * DAY, "bybit", 50.0),
        ],
        schema={"time": UTC_TIME, "venue": pl.String, "gross_usd": pl.Float64},
        orient="row",
    )
    found = venue_exposure(held, daily(1000, 1000, 1000, 1000, 1000))
    assert found.rows() == [
        ("bybit", pytest.approx(12.5), 50.0, pytest.approx(0.0125)),
        ("okx", pytest.approx(25.0), 100.0, pytest.approx(0.025)),
    ]
