"""When the strategies enter and leave, on markets that turn at known hours."""

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.curve_timed_carry import CurveTimedCarry
from funding_platform.strategies.pairs import best_pairs
from funding_platform.strategies.spot_perp_carry import SpotPerpCarry
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    config,
    price_frame,
    provider_of,
    settlement,
)

CARRY: dict[str, Any] = {
    "horizon_hours": 24.0,
    "entry_threshold": 1e-3,
    "erosion": 1.0,
    "max_age_hours": None,
    "better_by": None,
}


def rates(venue: str, *by_hour: tuple[int, float], until: int = 48) -> list[tuple[Any, ...]]:
    """Hourly settlements, per 8 hours, each rate holding until the next change."""
    changes = [*by_hour, (until + 1, 0.0)]
    return [
        settlement(venue, hour, rate / 8, 1.0, 100.0)
        for (begin, rate), (end, _) in pairwise(changes)
        for hour in range(begin, end)
    ]


def closed(result: BacktestResult) -> list[tuple[float, float, str]]:
    """Opened and closed, in hours after the start, and why."""
    return [
        ((opened - START) / HOUR, (over - START) / HOUR, reason)
        for opened, over, reason in result.positions.select(
            "opened_at", "closed_at", "exit_reason"
        ).rows()
    ]


def test_it_enters_where_funding_over_the_horizon_pays_for_four_fills() -> None:
    data = provider_of(*rates("a", (0, 0.0)), *rates("b", (0, 2e-4), (10, 4.1e-4), (20, 4.3e-4)))
    costs = {"flat_fee_bps": 0.5, "slippage": {"half_spread_bps": 0.25}}
    strategy = CrossVenueCarry(**CARRY)
    result = run_backtest(config(48, costs=costs, strategy=strategy), data)
    # Three tenors of 4.3e-4 are 12.9 bp; four fills of 0.75 bp leave 9.9: not enough. In the end
    # nothing is opened, and at 4.4e-4 (13.2 - 3 = 10.2 bp) it is.
    assert result.trades.is_empty()
    data = provider_of(*rates("a", (0, 0.0)), *rates("b", (0, 2e-4), (20, 4.4e-4)))
    result = run_backtest(config(48, costs=costs, strategy=strategy), data)
    assert closed(result) == [(20.0, 48.0, "end of the run")]
    sides = dict(result.trades.select("venue", "side").rows())
    assert sides == {"a": "long", "b": "short"}


@pytest.mark.parametrize(
    ("then", "changes", "expected"),
    [
        (-1e-4, {}, (0.0, 12.0, "divergence flipped")),
        (2e-4, {"erosion": 0.7}, (0.0, 12.0, "divergence eroded")),
        (4e-4, {"erosion": 0.7}, (0.0, 48.0, "end of the run")),
        (1e-3, {"max_age_hours": 30.0}, (0.0, 30.0, "maximum age")),
    ],
)
def test_it_leaves_for_a_reason(
    then: float, changes: dict[str, Any], expected: tuple[float, float, str]
) -> None:
    data = provider_of(*rates("a", (0, 0.0)), *rates("b", (0, 1e-3), (12, then)))
    strategy = CrossVenueCarry(**{**CARRY, **changes})
    assert closed(run_backtest(config(48, strategy=strategy), data))[0] == expected


def test_a_margin_counts_the_costs_so_many_times() -> None:
    """Three tenors of 1e-3 are 30 bp; four fills of 2 bp are 8, which 30 recovers 3.75 times."""
    data = provider_of(*rates("a", (0, 0.0)), *rates("b", (0, 1e-3)))
    costs = {"flat_fee_bps": 2.0, "slippage": {"half_spread_bps": 0.0}}
    for margin, entered in ((3.7, 1), (3.8, 0)):
        strategy = CrossVenueCarry(**{**CARRY, "entry_threshold": 0.0, "cost_margin": margin})
        result = run_backtest(config(48, costs=costs, strategy=strategy), data)
        assert result.positions.height == entered, margin


def test_a_single_print_does_not_move_an_average() -> None:
    """One print of 2e-3 is entered and left at a loss; its mean over 24 hours is below 1e-4."""
    spike = rates("b", (0, 0.0), (30, 2e-3), (31, -1e-4))
    data = provider_of(*rates("a", (0, 0.0)), *spike)
    costs = {"flat_fee_bps": 2.0, "slippage": {"half_spread_bps": 0.0}}
    last, mean = (
        run_backtest(
            config(48, costs=costs, strategy=CrossVenueCarry(**CARRY, averaging_hours=hours)), data
        )
        for hours in (0.0, 24.0)
    )
    assert closed(last) == [(30.0, 31.0, "divergence flipped")]
    assert last.equity["equity"][-1] < 100_000
    assert mean.trades.is_empty()


def test_an_average_needs_its_whole_history_and_is_left_when_it_turns() -> None:
    """Known from hour 23 on; where 24 rates fall from 1e-3 to -1e-3 the mean turns halfway."""
    data = provider_of(*rates("a", (0, 0.0)), *rates("b", (0, 1e-3), (30, -1e-3)))
    strategy = CrossVenueCarry(**CARRY, averaging_hours=24.0)
    found = closed(run_backtest(config(48, strategy=strategy), data))
    assert found[0] == (23.0, 41.0, "divergence flipped")


@pytest.mark.parametrize("fee", [0.0, -2.0], ids=["free", "rebate"])
@pytest.mark.parametrize("short", [0.0, 1e-5], ids=["equal", "apart"])
def test_a_pair_that_does_not_diverge_is_none_whatever_the_threshold(
    fee: float, short: float
) -> None:
    """Else it would be closed at once, and opened again, for ever."""
    data = provider_of(*rates("a", (0, 0.0)), *rates("b", (0, short), (12, -short)))
    costs = {"flat_fee_bps": fee, "slippage": {"half_spread_bps": 0.0}}
    strategy = CrossVenueCarry(**{**CARRY, "entry_threshold": -1e-3})
    found = closed(run_backtest(config(48, costs=costs, strategy=strategy), data))
    # Once apart, the pair flips at hour 12, and is entered the other way round an hour later.
    apart = [(0.0, 12.0, "divergence flipped"), (13.0, 48.0, "end of the run")]
    assert found == (apart if short else [])


def test_it_changes_to_a_pair_that_is_better_by_enough() -> None:
    data = provider_of(
        *rates("a", (0, 0.0)), *rates("b", (0, 1e-3)), *rates("c", (0, 0.0), (12, 2e-3))
    )
    eager = CrossVenueCarry(**{**CARRY, "better_by": 2.9e-3})  # three tenors of 1e-3 more
    assert closed(run_backtest(config(48, strategy=eager), data)) == [
        (0.0, 12.0, "better alternative"),
        (12.0, 48.0, "end of the run"),
    ]
    patient = CrossVenueCarry(**{**CARRY, "better_by": 3.1e-3})
    assert closed(run_backtest(config(48, strategy=patient), data)) == [
        (0.0, 48.0, "end of the run")
    ]


def test_the_best_come_first_where_room_is_short() -> None:
    rows = [
        settlement(venue, hour, rate, 8.0, 100.0, symbol=f"{base}-PERP", base=base)
        for base, rates_of in {"X": (0, 5e-4), "Y": (0, 9e-4), "Z": (0, 7e-4)}.items()
        for venue, rate in zip("ab", rates_of, strict=True)
        for hour in (0, 8, 16)
    ]
    result = run_backtest(
        config(16, strategy=CrossVenueCarry(**CARRY), max_positions=2), provider_of(*rows)
    )
    assert result.positions["base"].to_list() == ["Y", "Z"]


def test_best_pairs_agree_with_trying_all() -> None:
    generator = np.random.default_rng(5)
    for _ in range(300):
        count = int(generator.integers(1, 9))
        venue = generator.integers(0, 4, count)
        long, short = generator.normal(size=(2, count)).round(1)
        long[generator.random(count) < 0.3] = np.nan
        short[generator.random(count) < 0.3] = np.nan
        found = best_pairs(np.arange(count), np.array([0, count]), venue, long, short)
        tried = [
            long[i] + short[j]
            for i in range(count)
            for j in range(count)
            if venue[i] != venue[j] and not np.isnan(long[i] + short[j])
        ]
        assert found.net[0] == (max(tried) if tried else -np.inf)
        if tried:
            assert venue[found.long[0]] != venue[found.short[0]]


def test_spot_is_held_against_the_best_paid_perpetual_while_it_pays() -> None:
    perpetuals = [*rates("a", (0, 6e-4), (20, -1e-4)), *rates("b", (0, 3e-4))]
    facts = pl.DataFrame(
        {
            "venue": ["a", "b", "s"],
            "venue_symbol": ["BTC-PERP"] * 3,
            "base": ["BTC"] * 3,
            "contract_type": ["linear", "linear", "spot"],
        }
    )
    spot = price_frame([("s", hour, 100.0 + hour) for hour in range(49)])
    data = provider_of(*perpetuals, instruments=facts, prices=spot)
    strategy = SpotPerpCarry(horizon_hours=24, entry_threshold=1e-3)
    result = run_backtest(config(48, strategy=strategy), data)
    assert closed(result) == [(0.0, 20.0, "funding fell")]
    legs = {row["venue"]: row for row in result.trades.iter_rows(named=True)}
    assert (legs["s"]["side"], legs["a"]["side"]) == ("long", "short")
    assert legs["s"]["price_pnl_usd"] == pytest.approx(100 * 20.0)
    # The settlement at hour 20, at the new rate, is paid: it was crossed before the decision.
    assert legs["a"]["funding_usd"] == pytest.approx(10_000 / 8 * (19 * 6e-4 - 1e-4))


def test_spot_is_not_held_against_what_pays_too_little_to_stay() -> None:
    """A negative threshold lets any rate in; what would be closed at once is not entered."""
    perpetuals = [*rates("a", (0, -1e-5), (12, 1e-5)), *rates("b", (0, -2e-5))]
    facts = pl.DataFrame(
        {
            "venue": ["a", "b", "s"],
            "venue_symbol": ["BTC-PERP"] * 3,
            "base": ["BTC"] * 3,
            "contract_type": ["linear", "linear", "spot"],
        }
    )
    spot = price_frame([("s", hour, 100.0) for hour in range(49)])
    data = provider_of(*perpetuals, instruments=facts, prices=spot)
    strategy = SpotPerpCarry(horizon_hours=24, entry_threshold=-1e-3)
    result = run_backtest(config(48, strategy=strategy), data)
    assert closed(result) == [(12.0, 48.0, "end of the run")]


@pytest.mark.parametrize(
    ("threshold", "most"), [(9e-4, 3e-4), (0.0, 0.0), (-1e-3, 0.0)], ids=["above", "zero", "below"]
)
def test_spot_leaves_no_higher_than_it_enters(threshold: float, most: float) -> None:
    """24 hours are three tenors; of a negative threshold costs are to say what it amounts to."""
    fields: dict[str, Any] = {"horizon_hours": 24, "entry_threshold": threshold}
    SpotPerpCarry(**fields, exit_rate_8h=most - 1e-9)
    SpotPerpCarry(**fields, exit_rate_8h=most)
    with pytest.raises(ValueError, match=r"exit_rate_8h .* is above"):
        SpotPerpCarry(**fields, exit_rate_8h=most + 1e-9)


def features(*rows: tuple[str, float, float, float]) -> pl.DataFrame:
    """Venue, hours after the start, level, slope."""
    return pl.DataFrame(
        [
            (venue, "BTC-PERP", START + hour * HOUR, level, slope)
            for venue, hour, level, slope in rows
        ],
        schema=["venue", "venue_symbol", "available_at", "level", "slope"],
        orient="row",
    ).with_columns(pl.col("available_at").cast(pl.Datetime("us", "UTC")))


def timed(*rows: tuple[str, float, float, float]) -> BacktestResult:
    market = [*rates("a", (0, 0.0)), *rates("b", (0, 1e-3))]
    data: FundingDataProvider = provider_of(*market, features=features(*rows))
    strategy = CurveTimedCarry(**CARRY, min_level=0.5, max_slope=0.0)
    return run_backtest(config(48, strategy=strategy), data)


def test_the_curve_of_the_short_leg_decides_when() -> None:
    low, falling, right = ("b", 0.0, 0.1, -1.0), ("b", 8.0, 1.0, 0.5), ("b", 16.0, 1.0, -0.5)
    assert closed(timed(low, falling, right)) == [(16.0, 48.0, "end of the run")]


def test_without_a_curve_nothing_is_entered() -> None:
    assert timed(("a", 0.0, 1.0, -1.0)).trades.is_empty()


def test_the_decay_gate_reads_the_feature_it_is_told_to() -> None:
    market = [*rates("a", (0, 0.0)), *rates("b", (0, 1e-3))]
    rows = features(("b", 0.0, 1.0, -1.0)).with_columns(half_life_hours=pl.lit(40.0))
    data = provider_of(*market, features=rows)
    for least, opened in ((39.0, 1), (41.0, 0)):
        strategy = CurveTimedCarry(**CARRY, min_decay=least)
        result = run_backtest(config(24, strategy=strategy), data)
        assert result.positions.height == opened
