"""A leg whose market stops: by default the other is closed at that instant."""

from typing import Any

import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform_tests.backtest.legs import PAIR, A, B, leg
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    Told,
    config,
    provider_of,
    settlement,
)

FREEZE: dict[str, Any] = {"when_stale": "freeze"}


def ends(at: int, *, back: tuple[int, ...] = (), **changes: Any) -> BacktestResult:
    """Long a market that goes on and rises, short one that stops."""
    data = provider_of(
        *(settlement("a", hour, 0.0, 8.0, 100.0 + 0.1 * hour) for hour in range(0, 401, 8)),
        *(
            settlement("b", hour, 0.0, 8.0, 100.0 + 0.1 * hour)
            for hour in (*range(0, at + 1, 8), *back)
        ),
    )
    margin = {"rebalance_threshold": None}
    return run_backtest(config(400, margin=margin, **changes), data, Told(PAIR))


def net_price(result: BacktestResult) -> float:
    return float(result.trades["price_pnl_usd"].sum())


def test_a_delisted_leg_and_its_hedge_are_closed_at_the_instant_it_stops() -> None:
    result = ends(16)
    assert result.trades["closed_at"].to_list() == [START + 16 * HOUR] * 2
    assert result.trades["exit_reason"].to_list() == ["delisted"] * 2
    assert result.trades["exit_price"].to_list() == [101.6, 101.6]
    assert net_price(result) == pytest.approx(0.0, abs=1e-9)
    assert any("b BTC-PERP delisted" in text for text in result.warnings)


def test_a_single_leg_that_is_delisted_is_closed_as_well() -> None:
    data = provider_of(*(settlement("a", hour, 0.0, 8.0, 100.0) for hour in range(0, 41, 8)))
    result = run_backtest(config(400), data, Told({0.0: (A, None)}))
    assert result.trades["closed_at"].to_list() == [START + 40 * HOUR]


def test_nothing_is_opened_on_a_market_that_has_stopped() -> None:
    data = provider_of(
        *(settlement("a", hour, 0.0, 8.0, 100.0) for hour in range(0, 401, 8)),
        *(settlement("b", hour, 0.0, 8.0, 100.0) for hour in (0, 8, 16)),
    )
    result = run_backtest(config(400), data, Told({16.0: (A, B), 17.0: (A, B)}))
    assert result.trades.is_empty()


def test_an_outage_closes_both_legs_at_prices_of_one_instant_once_it_shows() -> None:
    result = ends(16, back=tuple(range(96, 401, 8)))
    assert result.trades["closed_at"].to_list() == [START + (16 + 26 + 1) * HOUR] * 2
    assert result.trades["exit_reason"].to_list() == ["no data"] * 2
    assert leg(result, "b")["exit_price_source"] == "reference"
    assert net_price(result) == pytest.approx(0.0, abs=1e-9)


def test_a_frozen_leg_is_marked_at_the_reference_until_its_data_returns() -> None:
    result = ends(16, back=tuple(range(96, 401, 8)), outages=FREEZE)
    assert result.trades["exit_reason"].to_list() == ["end of the run"] * 2
    assert result.equity["price_pnl_usd"].abs().max() == pytest.approx(0.0, abs=1e-9)


def test_a_frozen_leg_is_delisted_in_the_end_at_the_reference() -> None:
    result = ends(16, outages=FREEZE)
    short = leg(result, "b")
    assert short["exit_reason"] == "delisted"
    assert short["closed_at"] == START + (16 + 168 + 1) * HOUR
    assert short["exit_price_source"] == "reference"
    assert net_price(result) == pytest.approx(0.0, abs=1e-9)
