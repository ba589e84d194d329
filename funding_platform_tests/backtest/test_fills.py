"""Two legs by hand: at which price, size and cost they are opened, and when they are not."""

import polars as pl
import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform_tests.backtest.legs import PAIR, A, B, leg
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    Told,
    config,
    price_frame,
    provider_of,
    settlement,
)


def test_every_fill_pays_the_fee_of_its_venue_at_its_time_and_the_spread() -> None:
    fees = pl.DataFrame(
        {
            "venue": ["a", "a", "b"],
            "tier": ["base", "base", "base"],
            "effective_from": [START - HOUR, START + 4 * HOUR, START - HOUR],
            "maker_bps": [0.0, 0.0, 0.0],
            "taker_bps": [5.0, 3.0, 2.0],
        }
    )
    data = provider_of(
        *(settlement(venue, hour, 0.0, 8.0, 100.0) for venue in "ab" for hour in (0, 8)),
        fees=fees,
    )
    costs = {
        "slippage": {"half_spread_bps": 1.5, "impact": "linear", "bps_per_million": 10.0},
    }
    result = run_backtest(config(8, costs=costs), data, Told(PAIR))
    assert leg(result, "a")["fees_usd"] == pytest.approx(10_000 * (5 + 3) * 1e-4)
    assert leg(result, "b")["fees_usd"] == pytest.approx(10_000 * (2 + 2) * 1e-4)
    impact = 2 * 10_000 * (10.0 * 0.01) * 1e-4
    assert leg(result, "a")["impact_usd"] == pytest.approx(impact)
    assert leg(result, "a")["slippage_usd"] == pytest.approx(2 * 10_000 * 1.5e-4 + impact)


def test_depth_impact_grows_with_the_share_of_the_volume_known_then() -> None:
    snapshots = pl.DataFrame(
        {
            "venue": ["a", "a"],
            "venue_symbol": ["BTC-PERP"] * 2,
            "observed_at": [START, START + 8 * HOUR],
            "mark_price": [100.0, 100.0],
            "volume_24h_usd": [5e6, 1e7],
        }
    )
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 100.0), settlement("a", 9, 0.0, 8.0, 100.0),
        snapshots=snapshots,
    )  # fmt: skip
    costs = {
        "flat_fee_bps": 0.0,
        "slippage": {"half_spread_bps": 0.0, "impact": "depth", "depth_share": 1e-3},
    }
    result = run_backtest(config(9, costs=costs), data, Told({0.0: (A, None)}))
    opening = 10_000 / (2 * 5e6 * 1e-3)  # basis points: 5,000 USD rest within each
    closing = 10_000 / (2 * 1e7 * 1e-3)
    assert leg(result, "a")["impact_usd"] == pytest.approx(10_000 * (opening + closing) * 1e-4)


def test_a_position_without_any_price_is_not_opened_and_it_is_said() -> None:
    data = provider_of(*(settlement(venue, hour, 1e-3, 8.0) for venue in "ab" for hour in (0, 8)))
    result = run_backtest(config(8), data, Told(PAIR))
    assert result.trades.is_empty()
    assert result.warnings == ("1 positions were not opened: no price was known",)


def test_an_entry_delay_misses_the_settlement_in_between_and_takes_the_later_price() -> None:
    data = provider_of(
        settlement("a", 0, 1e-3, 1.0, 100.0), settlement("a", 1, 1e-3, 1.0, 100.0),
        settlement("a", 2, 1e-3, 1.0, 100.0), settlement("a", 3, 1e-3, 1.0, 100.0),
        prices=price_frame([("a", 1.4, 104.0), ("a", 1.6, 106.0)]),
    )  # fmt: skip
    result = run_backtest(config(3, entry_delay_minutes=90), data, Told({0.0: (None, A)}))
    short = leg(result, "a")
    assert short["opened_at"] == START + 1.5 * HOUR
    assert short["entry_price"] == 104.0
    assert short["n_settlements"] == 2


def test_sizes_are_rounded_down_to_the_coarser_step_of_both_legs() -> None:
    facts = pl.DataFrame(
        {
            "venue": ["a", "b"],
            "venue_symbol": ["BTC-PERP"] * 2,
            "base": ["BTC"] * 2,
            "min_size": [0.5, 0.2],
        }
    )
    data = provider_of(
        *(settlement(venue, hour, 0.0, 8.0, 300.0) for venue in "ab" for hour in (0, 8)),
        instruments=facts,
    )
    result = run_backtest(config(8, position_usd=1_000), data, Told(PAIR))
    assert result.trades["quantity_base"].to_list() == pytest.approx([3.0, 3.0])  # not 3.33
    tiny = run_backtest(config(8, position_usd=100), data, Told(PAIR))
    assert tiny.trades.is_empty()
    assert "rounds down" in tiny.warnings[0]


def test_capital_is_shared_and_venues_are_capped() -> None:
    data = provider_of(
        *(settlement(venue, hour, 0.0, 8.0, 100.0) for venue in "ab" for hour in range(0, 25, 8))
    )
    twice = Told({0.0: (A, B), 1.0: (A, B)})
    margin = {"leverage": 1}
    poor = run_backtest(config(24, capital_usd=30_000, margin=margin), data, twice)
    assert poor.trades.height == 2
    assert any("free capital" in text for text in poor.warnings)
    capped = run_backtest(config(24, max_venue_usd=15_000), data, twice)
    assert capped.trades.height == 2
    assert any("max_venue_usd" in text for text in capped.warnings)
    rich = run_backtest(config(24, capital_usd=40_000, margin=margin), data, twice)
    assert rich.trades.height == 4
    single = run_backtest(config(24, max_positions=1), data, twice)
    assert single.trades.height == 2
