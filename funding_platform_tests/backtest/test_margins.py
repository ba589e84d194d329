"""Margin as venues do it: in coin, by tiers, shared on a venue, and at a bar's extreme."""

from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import ConfigError, UnknownInstrumentError
from funding_platform.backtest.results.result import BacktestResult
from funding_platform_tests.backtest.legs import PAIR, A, leg
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    Told,
    config,
    provider_of,
    settlement,
)

ISOLATED: dict[str, Any] = {"maintenance_rate": 0.02, "rebalance_threshold": None}


def bars(*rows: tuple[str, float, float, float, float]) -> pl.DataFrame:
    """Bars by venue, the hour at which they end, low, high and close."""
    return pl.DataFrame(
        [(venue, "BTC-PERP", START + hour * HOUR, low, high, close, "mark")
         for venue, hour, low, high, close in rows],
        schema=["venue", "venue_symbol", "time", "low", "high", "price", "kind"],
        orient="row",
    )  # fmt: skip


def facts(**kinds: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "venue": list(kinds),
            "venue_symbol": ["BTC-PERP"] * len(kinds),
            "base": ["BTC"] * len(kinds),
            "contract_type": list(kinds.values()),
        }
    )


def single(
    side: str, kind: str, low: float, high: float, close: float, **changes: Any
) -> BacktestResult:
    """One leg entered at 100, and one bar after it."""
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 100.0),
        settlement("a", 8, 0.0, 8.0),
        instruments=facts(a=kind),
        prices=bars(("a", 1, low, high, close)),
    )
    legs = (A, None) if side == "long" else (None, A)
    return run_backtest(config(8, **changes), data, Told({0.0: legs}))


# --- in coin


@pytest.mark.parametrize(("side", "price"), [("long", 85.0), ("short", 122.5)])
def test_a_coin_margined_leg_at_5x_is_liquidated_where_its_coins_run_out(
    side: str, price: float
) -> None:
    found = single(side, "inverse", 70.0, 140.0, 100.0, margin={**ISOLATED, "leverage": 5})
    assert leg(found, "a")["exit_reason"] == "liquidation"
    assert leg(found, "a")["exit_price"] == pytest.approx(price, rel=1e-9)


@pytest.mark.parametrize(("side", "price"), [("long", 85.0), ("short", 122.5)])
def test_a_coin_margined_leg_stays_as_long_as_the_price_does_not_get_there(
    side: str, price: float
) -> None:
    low, high = (price + 0.01, 101.0) if side == "long" else (99.0, price - 0.01)
    found = single(side, "inverse", low, high, 100.0, margin={**ISOLATED, "leverage": 5})
    assert leg(found, "a")["exit_reason"] == "end of the run"


def test_a_coin_margined_short_at_1x_is_never_liquidated() -> None:
    found = single("short", "inverse", 90.0, 1e6, 1e6, margin={**ISOLATED, "leverage": 1})
    assert leg(found, "a")["exit_reason"] == "end of the run"


def test_funding_of_a_coin_margined_leg_is_collateral_in_coin() -> None:
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 100.0),
        settlement("a", 1, -0.05, 8.0, 50.0),  # 500 dollars, 10 coins: a tenth of the size at entry
        settlement("a", 8, 0.0, 8.0),
        instruments=facts(a="inverse"),
        prices=bars(("a", 2, 10.0, 60.0, 55.0)),
    )
    setting = config(8, margin={**ISOLATED, "leverage": 1.02, "maintenance_rate": 0.01})
    found = leg(run_backtest(setting, data, Told({0.0: (A, None)})), "a")
    coins = 100.0 / 1.02 + 10.0
    assert found["exit_reason"] == "liquidation"
    assert found["exit_price"] == pytest.approx(10_000 * 1.01 / (coins + 100.0), rel=1e-9)


# --- at the extreme of a bar


def test_a_leg_is_liquidated_at_the_low_of_a_bar_that_closes_far_above() -> None:
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 220.0),
        settlement("a", 8, 0.0, 8.0),
        prices=bars(("a", 1, 146.57, 221.0, 187.25)),  # SOL on Bybit, 2025-10-10 21:00
    )
    setting = config(8, margin={**ISOLATED, "leverage": 3})
    found = leg(run_backtest(setting, data, Told({0.0: (A, None)})), "a")
    assert found["exit_reason"] == "liquidation"
    assert found["exit_price"] == pytest.approx(220 * (1 - 1 / 3) / (1 - 0.02), rel=1e-9)


def test_the_hedge_is_closed_at_the_price_of_that_instant() -> None:
    marks = [settlement(venue, hour, 0.0, 8.0, 100.0) for venue in "ab" for hour in (0, 8)]
    data = provider_of(
        *marks, prices=bars(("a", 1, 50.0, 101.0, 95.0), ("b", 1, 60.0, 101.0, 95.0))
    )
    setting = config(8, margin={**ISOLATED, "leverage": 3})
    result = run_backtest(setting, data, Told(PAIR))
    long, short = leg(result, "a"), leg(result, "b")
    assert (long["exit_reason"], short["exit_reason"]) == ("liquidation", "other leg liquidated")
    assert long["exit_price"] == pytest.approx(100 * (1 - 1 / 3) / 0.98, rel=1e-9)
    assert short["exit_price"] == pytest.approx(long["exit_price"], rel=1e-12)
    assert result.identity_error < 1e-12


def test_a_wick_on_one_venue_alone_leaves_the_hedge_where_its_own_bar_was() -> None:
    marks = [settlement(venue, hour, 0.0, 8.0, 100.0) for venue in "ab" for hour in (0, 8)]
    data = provider_of(
        *marks, prices=bars(("a", 1, 50.0, 101.0, 95.0), ("b", 1, 90.0, 101.0, 95.0))
    )
    result = run_backtest(config(8, margin={**ISOLATED, "leverage": 3}), data, Told(PAIR))
    assert leg(result, "b")["exit_price"] == pytest.approx(90.0)


def test_a_bar_that_ends_with_a_mark_keeps_its_extremes() -> None:
    data = provider_of(
        *(settlement("a", hour, 0.0, 1.0, 100.0) for hour in range(9)),
        prices=bars(("a", 1, 50.0, 101.0, 100.0)),
    )
    setting = config(8, margin={**ISOLATED, "leverage": 3})
    assert leg(run_backtest(setting, data, Told({0.0: (A, None)})), "a")["exit_reason"] == (
        "liquidation"
    )


# --- tiers


def test_maintenance_grows_with_the_notional() -> None:
    tiers = {
        "a": [
            {"notional_usd": 0, "maintenance_rate": 0.005},
            {"notional_usd": 50_000, "maintenance_rate": 0.05},
        ]
    }
    margin = {**ISOLATED, "leverage": 4, "tiers": tiers}
    found = single("short", "linear", 99.0, 140.0, 100.0, margin=margin, position_usd=100_000)
    # 25,000 of collateral: 125,000 - 1,000 p = 0.05 * 1,000 p - 50,000 * 0.045
    price = (125_000 + 2_250) / 1_050
    assert leg(found, "a")["exit_price"] == pytest.approx(price, rel=1e-9)


def test_a_size_that_its_tier_would_liquidate_at_once_is_not_opened() -> None:
    tiers = {
        "a": [
            {"notional_usd": 0, "maintenance_rate": 0.005},
            {"notional_usd": 10_000, "maintenance_rate": 0.6},
        ]
    }
    margin = {**ISOLATED, "leverage": 4, "tiers": tiers}
    found = single("short", "linear", 99.0, 101.0, 100.0, margin=margin, position_usd=100_000)
    assert found.trades.is_empty()
    assert "venue's tier requires" in found.warnings[0]


@pytest.mark.parametrize("rows", [[], [(5.0, 0.01)], [(0.0, 0.02), (5.0, 0.01)]])
def test_tiers_that_leave_a_gap_or_fall_are_refused(rows: list[tuple[float, float]]) -> None:
    tiers = [{"notional_usd": size, "maintenance_rate": rate} for size, rate in rows]
    with pytest.raises(ConfigError, match="tiers of a"):
        config(8, margin={"tiers": {"a": tiers}})


@pytest.mark.parametrize(
    "given",
    [
        {"tiers": {"x": [{"notional_usd": 0, "maintenance_rate": 0.01}]}},
        {"cross_venues": ["x"]},
    ],
)
def test_a_venue_that_the_data_does_not_have_is_refused(given: dict[str, Any]) -> None:
    data = provider_of(*(settlement("a", hour, 0.0, 8.0, 100.0) for hour in (0, 8)))
    with pytest.raises(UnknownInstrumentError, match=r"margin\.\w+: no venue 'x'"):
        run_backtest(config(8, margin=given), data, Told({}))


# --- shared on a venue


# --- collateral on its way


# --- spot against a perpetual


# --- bars that cannot be
