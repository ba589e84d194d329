"""Legs whose prices lie too far apart to be of one asset are refused, with both prices named."""

from datetime import timedelta

import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.legs import PAIR
from funding_platform_tests.backtest.markets import START, Told, config, provider_of, settlement


def test_one_ticker_for_two_assets_opens_nothing_and_names_both_prices() -> None:
    data = provider_of(
        *(
            settlement(venue, hour, rate, 8.0, mark, symbol="NEIROUSDT", base="NEIRO")
            for venue, mark, rate in (("binance", 0.0002666, 3e-4), ("bybit", 0.02965, -2e-4))
            for hour in range(0, 241, 8)
        )
    )
    setting = config(240, strategy=CrossVenueCarry(entry_threshold=0.0))
    result = run_backtest(setting, data)
    assert result.trades.is_empty()
    (text,) = [warning for warning in result.warnings if "apart" in warning]
    assert "bybit NEIROUSDT at 0.02965" in text
    assert "binance NEIROUSDT at 0.0002666" in text


@pytest.mark.parametrize(("gap", "trades"), [(1.0099, 2), (1.0101, 0), (1 / 1.0101, 2)])
def test_the_bound_is_that_of_the_opportunities(gap: float, trades: int) -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 8.0, 100.0) for hour in (0, 8)),
        *(settlement("b", hour, 1e-4, 8.0, 100.0 * gap) for hour in (0, 8)),
    )
    assert run_backtest(config(8), data, Told(PAIR)).trades.height == trades


def test_two_assets_that_state_their_prices_in_turn_are_told_apart() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 2.0, 100.0 + hour) for hour in range(0, 25, 2)),
        *(settlement("b", hour, 1e-4, 2.0, 11_000.0 - 50 * hour) for hour in range(1, 25, 2)),
    )
    for hour in range(2, 24):
        result = run_backtest(config(24), data, Told({float(hour): PAIR[0.0]}))
        assert result.trades.is_empty(), START + hour * timedelta(hours=1)


def test_the_guard_can_be_set_aside() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 8.0, 100.0) for hour in (0, 8)),
        *(settlement("b", hour, 1e-4, 8.0, 105.0) for hour in (0, 8)),
    )
    assert run_backtest(config(8), data, Told(PAIR)).trades.is_empty()
    free = config(8, max_price_gap_bps=None)
    assert run_backtest(free, data, Told(PAIR)).trades.height == 2
