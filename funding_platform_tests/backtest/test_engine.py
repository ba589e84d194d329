"""Two legs by hand: what each settlement, price and rule does to the account."""

from datetime import timedelta

import polars as pl
import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, COSTS, EARNINGS
from funding_platform_tests.backtest.legs import PAIR, A, B, flat_prices, leg, settled
from funding_platform_tests.backtest.markets import (
    FREE,
    HOUR,
    START,
    Told,
    config,
    price_frame,
    provider_of,
    settlement,
)


def test_an_hourly_leg_and_an_8_hourly_one_each_settle_on_their_own_clock() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 1.0, 100.0) for hour in range(17)),
        *(settlement("b", hour, 1e-3, 8.0, 100.0) for hour in (0, 8, 16)),
    )
    result = run_backtest(config(16, position_usd=10_000), data, Told(PAIR, closes=(12.0,)))
    # Long a pays 10,000 x 1e-4 at hours 1..12; short b earns 10,000 x 1e-3 at hour 8 only.
    assert settled(result, "a") == [(hour, pytest.approx(-1.0)) for hour in range(1, 13)]
    assert settled(result, "b") == [(8.0, pytest.approx(10.0))]
    assert result.equity["equity"][-1] == pytest.approx(100_000 - 12 + 10, abs=1e-9)


@pytest.mark.parametrize(
    ("opened", "closed", "earned"),
    [(7.0, 8.0, 1), (8.0, 9.0, 0), (8.0, 16.0, 1), (7.0, 16.0, 2), (1.0, 7.0, 0)],
    ids=["closed at it", "opened at it", "opened at one, closed at the next", "both", "between"],
)
def test_a_settlement_is_earned_if_opened_before_it_and_closed_at_or_after(
    opened: float, closed: float, earned: int
) -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-3, 8.0, 100.0) for hour in (0, 8, 16, 24)),
        prices=price_frame(flat_prices("a", 24)),
    )
    result = run_backtest(config(24), data, Told({opened: (None, A)}, closes=(closed,)))
    assert leg(result, "a")["n_settlements"] == earned
    assert leg(result, "a")["funding_usd"] == pytest.approx(10.0 * earned)


def test_an_interval_that_changes_is_settled_as_it_came() -> None:
    data = provider_of(
        *(settlement("a", hour, 8e-4, 8.0, 100.0) for hour in (0, 8, 16)),
        *(settlement("a", hour, 1e-4, 1.0, 100.0) for hour in range(17, 25)),
    )
    result = run_backtest(config(24), data, Told({0.0: (None, A)}))
    assert [hour for hour, _ in settled(result, "a")] == [8, 16, *range(17, 25)]
    assert leg(result, "a")["funding_usd"] == pytest.approx(10_000 * (2 * 8e-4 + 8 * 1e-4))
    assert not any("missing" in warning for warning in result.warnings)


def test_funding_and_price_are_taken_at_the_mark() -> None:
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 100.0),
        settlement("a", 8, 1e-3, 8.0, 110.0),
        settlement("a", 16, 1e-3, 8.0, 120.0),
    )
    result = run_backtest(config(16), data, Told({0.0: (A, None)}))
    long = leg(result, "a")
    assert long["quantity_base"] == pytest.approx(100.0)
    assert long["funding_usd"] == pytest.approx(-100 * (110 + 120) * 1e-3)
    assert long["price_pnl_usd"] == pytest.approx(100 * 20)
    assert long["price_source"] == "mark"


def test_an_inverse_contract_is_paid_in_base_and_converted_at_the_mark() -> None:
    data = provider_of(
        settlement("a", 0, 0.0, 8.0, 100.0),
        settlement("a", 8, 1e-3, 8.0, 80.0),
        settlement("a", 16, 1e-3, 8.0, 125.0),
        instruments=pl.DataFrame(
            {
                "venue": ["a"],
                "venue_symbol": ["BTC-PERP"],
                "base": ["BTC"],
                "contract_type": ["inverse"],
                "contract_size": [100.0],
                "min_size": [1.0],
            }
        ),
    )
    result = run_backtest(
        config(16, position_usd=10_050, margin={"leverage": 1}), data, Told({0.0: (None, A)})
    )
    short = leg(result, "a")
    contracts_usd = 10_000.0  # 100 contracts of 100 USD, rounded down
    assert short["notional_usd"] == contracts_usd
    assert short["funding_usd"] == pytest.approx(2 * contracts_usd * 1e-3)  # whatever the mark
    in_base = -contracts_usd * (1 / 100 - 1 / 125)
    assert short["price_pnl_usd"] == pytest.approx(in_base * 125)


def test_a_short_that_doubles_is_liquidated_at_the_price_point_and_its_hedge_closed() -> None:
    data = provider_of(
        *(settlement(venue, hour, 0.0, 8.0, 100.0) for venue in "ab" for hour in (0, 8)),
        prices=price_frame(
            [("a", 3.0, 149.0), ("b", 3.0, 149.0), ("a", 4.0, 155.0), ("b", 4.0, 155.0)]
        ),
    )
    margin = {
        "leverage": 2,
        "maintenance_rate": 0.02,
        "liquidation_penalty_rate": 0.01,
        "rebalance_threshold": None,
    }
    result = run_backtest(config(8, margin=margin), data, Told(PAIR))
    # Collateral 5,000: at 149 the short has lost 4,900, and 100 is below 2 % of 14,900.
    short, long = leg(result, "b"), leg(result, "a")
    assert (short["exit_reason"], long["exit_reason"]) == ("liquidation", "other leg liquidated")
    assert short["closed_at"] == long["closed_at"] == START + 3 * HOUR
    assert short["price_pnl_usd"] == pytest.approx(-4_900)
    assert long["price_pnl_usd"] == pytest.approx(4_900)
    assert short["penalty_usd"] == pytest.approx(149.0)
    assert long["penalty_usd"] == 0.0


def test_rebalancing_saves_the_leg_and_costs_a_transfer() -> None:
    data = provider_of(
        *(
            settlement(venue, hour, 0.0, 8.0, mark)
            for venue in "ab"
            for hour, mark in ((0, 100.0), (8, 149.0))
        ),
        prices=price_frame(
            [(venue, hour, price) for venue in "ab" for hour, price in ((2.0, 130.0), (3.0, 149.0))]
        ),
    )
    margin = {"leverage": 2, "rebalance_threshold": 0.5}
    result = run_backtest(
        config(8, margin=margin, costs={**FREE, "transfer_usd": 7.0}), data, Told(PAIR)
    )
    moves = result.ledger.filter(kind="rebalance")
    # At 130 the short's 5,000 are down to 2,000: level again; at 149 it has lost 1,900 more.
    assert [(time - START) / HOUR for time in moves["time"]] == [2.0]
    assert result.trades["exit_reason"].to_list() == ["end of the run"] * 2
    assert result.trades["borrow_usd"].sum() == 7.0


def test_the_leg_without_prices_is_valued_at_the_other_legs_and_it_is_said() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 8.0, price) for hour, price in ((0, 100.0), (8, 110.0))),
        *(settlement("b", hour, 1e-3, 8.0) for hour in (0, 8)),
    )
    result = run_backtest(config(8), data, Told(PAIR))
    assert leg(result, "b")["price_source"] == "proxy"
    assert leg(result, "b")["price_pnl_usd"] == pytest.approx(-leg(result, "a")["price_pnl_usd"])
    assert leg(result, "b")["funding_usd"] == pytest.approx(100 * 110 * 1e-3)
    assert any("valued at the other leg's (b BTC-PERP)" in text for text in result.warnings)


def test_a_market_that_falls_silent_is_frozen_then_delisted_at_its_last_price() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 8.0, 100.0) for hour in range(0, 401, 8)),
        *(settlement("b", hour, 1e-4, 8.0, 100.5) for hour in (0, 8, 16)),
    )
    strategy = Told(PAIR, closes=(100.0,))
    result = run_backtest(config(400, outages={"when_stale": "freeze"}), data, strategy)
    short = leg(result, "b")
    assert short["exit_reason"] == "delisted"
    assert short["closed_at"] == START + (16 + 168 + 1) * HOUR  # the first decision beyond 168 h
    assert short["exit_price"] == 100.5
    assert leg(result, "a")["closed_at"] == short["closed_at"]
    assert any("b BTC-PERP delisted" in text for text in result.warnings)
    assert any("could not be closed in time" in text for text in result.warnings)


def test_an_outage_can_close_instead() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 8.0, 100.0) for hour in range(0, 401, 8)),
        *(settlement("b", hour, 1e-4, 8.0, 100.5) for hour in (0, 8, 16, 350, 358)),
    )
    outages = {"stale_after_hours": 24, "when_stale": "close"}
    result = run_backtest(config(400, outages=outages), data, Told(PAIR))
    assert leg(result, "b")["exit_reason"] == "no data"
    assert leg(result, "b")["closed_at"] == START + (16 + 24 + 1) * HOUR


def test_a_missing_settlement_is_not_paid_and_is_counted() -> None:
    data = provider_of(*(settlement("a", hour, 1e-3, 8.0, 100.0) for hour in (0, 8, 24, 32)))
    result = run_backtest(config(32), data, Told({0.0: (None, A)}))
    assert leg(result, "a")["n_settlements"] == 3
    assert any(text.startswith("1 settlements look missing") for text in result.warnings)


def test_spot_held_short_pays_for_the_loan() -> None:
    facts = pl.DataFrame(
        {
            "venue": ["a", "s"],
            "venue_symbol": ["BTC-PERP"] * 2,
            "base": ["BTC"] * 2,
            "contract_type": ["linear", "spot"],
        }
    )
    data = provider_of(
        *(settlement("a", hour, -1e-3, 8.0, 100.0) for hour in range(0, 73, 8)),
        instruments=facts,
        prices=price_frame(flat_prices("s", 73)),
    )
    costs = {**FREE, "borrow_apr": 0.365}
    spot = ("s", "BTC-PERP")
    result = run_backtest(config(72, costs=costs), data, Told({0.0: (A, spot)}, closes=(48.0,)))
    assert leg(result, "s")["borrow_usd"] == pytest.approx(10_000 * 0.001 * 2)
    assert leg(result, "s")["n_settlements"] == 0
    assert leg(result, "a")["funding_usd"] == pytest.approx(10_000 * 1e-3 * 6)


def test_swapping_the_legs_flips_funding_and_price() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 1.0, 100.0 + hour) for hour in range(25)),
        *(settlement("b", hour, 1e-3, 8.0, 100.5 + 1.1 * hour) for hour in (0, 8, 16, 24)),
    )
    one = run_backtest(config(24), data, Told({0.0: (A, B)})).equity[-1]
    other = run_backtest(config(24), data, Told({0.0: (B, A)})).equity[-1]
    for name in EARNINGS:
        assert one[name].item() == pytest.approx(-other[name].item(), rel=1e-12)
        assert one[name].item() != 0


def test_decisions_are_asked_for_on_the_grid_and_not_at_the_end() -> None:
    data = provider_of(*(settlement("a", hour, 0.0, 8.0, 100.0) for hour in (0, 8)))
    told = Told({})
    run_backtest(config(8, decision_hours=2), data, told)
    assert told.asked == [START + timedelta(hours=hour) for hour in (0, 2, 4, 6)]


def test_positions_left_open_are_in_the_trades_without_an_exit() -> None:
    data = provider_of(
        *(settlement(venue, hour, 1e-3, 8.0, 100.0) for venue in "ab" for hour in (0, 8))
    )
    result = run_backtest(config(8, close_at_end=False), data, Told(PAIR))
    assert result.trades["closed_at"].to_list() == [None, None]
    assert result.positions["closed_at"].to_list() == [None]
    assert result.identity_error <= 1e-12
    assert result.warnings[-1] == "2 legs are still open at the end, valued at their last price"


def test_ledger_trades_and_equity_tell_the_same_story() -> None:
    data = provider_of(
        *(settlement("a", hour, 1e-4, 1.0, 100.0 + hour) for hour in range(25)),
        *(settlement("b", hour, 1e-3, 8.0, 100.5 + 1.1 * hour) for hour in (0, 8, 16, 24)),
    )
    costs = {"flat_fee_bps": 5.0, "transfer_usd": 3.0}
    result = run_backtest(config(24, costs=costs), data, Told(PAIR, closes=(20.0,)))
    for name in COMPONENTS:
        last = result.equity[name][-1]
        assert result.trades[name].sum() == pytest.approx(last, abs=1e-9)
        assert result.ledger[name].sum() == pytest.approx(last, abs=1e-9)
    change = result.equity["equity"][-1] - result.equity["equity"][0]
    net = sum(float(result.trades[name].sum()) for name in EARNINGS) - sum(
        float(result.trades[name].sum()) for name in COSTS
    )
    assert change == pytest.approx(net, abs=1e-9)
