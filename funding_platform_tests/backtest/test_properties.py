"""What holds for every run, whatever the market."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, COSTS
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import FREE, HOUR, START, drawn_market
from funding_platform_tests.examples import costly

HOURS = 240
EAGER = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4, max_age_hours=60)
SEEDS = st.integers(0, 10_000)
COSTLY: dict[str, Any] = {
    "flat_fee_bps": 2.0,
    "transfer_usd": 1.0,
    "slippage": {"half_spread_bps": 0.5, "impact": "linear"},
}
examples = costly(12)


def setting(**changes: Any) -> BacktestConfig:
    fields: dict[str, Any] = {
        "start": START,
        "end": START + HOURS * HOUR,
        "max_positions": 2,
        "costs": COSTLY,
        "strategy": EAGER,
        **changes,
    }
    return BacktestConfig(**fields)


def run(funding: pl.DataFrame, **changes: Any) -> BacktestResult:
    return run_backtest(setting(**changes), FundingDataProvider.from_frames(funding))


def without_future(result: BacktestResult, hour: int) -> list[list[tuple[Any, ...]]]:
    """Everything that had happened by an hour; decisions of that hour included."""
    until = START + hour * HOUR
    opened = result.trades.filter(pl.col("opened_at") <= until).select(
        "trade_id", "venue", "venue_symbol", "side", "opened_at", "quantity_base", "entry_price"
    )
    closed = result.trades.filter(pl.col("closed_at") <= until)
    return [
        opened.rows(),
        closed.rows(),
        result.equity.filter(pl.col("time") <= until).rows(),
        result.ledger.filter(pl.col("time") <= until).rows(),
    ]


def test_the_drawn_markets_are_traded() -> None:
    heights = [run(drawn_market(seed)).trades.height for seed in range(5)]
    assert min(heights) > 4


@examples
@given(SEEDS, st.integers(1, HOURS - 1), SEEDS)
def test_nothing_after_an_instant_changes_anything_up_to_it(
    seed: int, hour: int, noise: int
) -> None:
    funding = drawn_market(seed)
    generator = np.random.default_rng(noise)
    later = pl.col("funding_time") > START + hour * HOUR
    kept = pl.Series(generator.random(funding.height) < 0.8)
    disturbed = funding.filter(~later | kept).with_columns(
        pl.when(later).then(pl.col(name) * factor).otherwise(name)
        for name, factor in (("funding_rate", -3), ("mark_price", 1.1), ("interval_hours", 2))
    )
    # Every instrument stays in the data: which there are is a fact about the start.
    assert without_future(run(funding), hour) == without_future(run(disturbed), hour)


@examples
@given(SEEDS, st.integers(1, 12))
def test_what_is_known_late_is_decided_on_late(seed: int, hours_late: int) -> None:
    funding = drawn_market(seed).with_columns(
        available_at=pl.col("funding_time") + timedelta(hours=hours_late)
    )
    opened = run(funding).trades["opened_at"]
    assert all(time >= START + timedelta(hours=hours_late) for time in opened)


@examples
@given(SEEDS)
def test_the_books_balance(seed: int) -> None:
    result = run(drawn_market(seed), margin={"leverage": 10, "maintenance_rate": 0.05})
    assert result.identity_error <= 1e-12
    for name in COMPONENTS:
        assert result.ledger[name].sum() == pytest.approx(result.trades[name].sum(), abs=1e-9)
        assert result.equity[name][-1] == pytest.approx(result.trades[name].sum(), abs=1e-9)


@examples
@given(SEEDS, SEEDS)
def test_the_order_of_rows_and_symbols_changes_nothing(seed: int, shuffle: int) -> None:
    funding = drawn_market(seed)
    one, other = run(funding), run(funding.sample(fraction=1, shuffle=True, seed=shuffle))
    assert one.trades.equals(other.trades)
    assert one.equity.equals(other.equity)
    assert one.data_fingerprint == other.data_fingerprint


@examples
@given(SEEDS)
def test_a_run_again_is_the_same_run(seed: int) -> None:
    funding = drawn_market(seed)
    one = run(funding)
    again = run_backtest(
        BacktestConfig.model_validate_json(one.config.model_dump_json()),
        FundingDataProvider.from_frames(funding),
    )
    assert one.ledger.equals(again.ledger)
    assert one.equity.equals(again.equity)
    assert one.warnings == again.warnings


@examples
@given(SEEDS)
def test_without_costs_net_is_gross(seed: int) -> None:
    result = run(drawn_market(seed), costs=FREE)
    assert result.trades.select(COSTS).sum().row(0) == (0.0,) * len(COSTS)
    gross = (result.trades["funding_usd"] + result.trades["price_pnl_usd"]).sum()
    change = result.equity["equity"][-1] - result.equity["equity"][0]
    assert change == pytest.approx(gross, abs=1e-9)


@examples
@given(SEEDS, st.integers(2, HOURS - 1))
def test_a_run_cut_short_is_the_beginning_of_the_whole(seed: int, hour: int) -> None:
    funding = drawn_market(seed)
    whole = run(funding)
    part = run(funding, end=START + hour * HOUR, close_at_end=False)
    before = START + (hour - 1) * HOUR  # at its end the part decides nothing
    for name in ("equity", "ledger"):
        mine, all_of_it = (
            getattr(one, name).filter(pl.col("time") <= before) for one in (part, whole)
        )
        assert mine.equals(all_of_it)


@examples
@given(SEEDS)
def test_split_where_nothing_is_open_two_runs_make_the_whole(seed: int) -> None:
    def run_over(start: datetime, end: datetime) -> BacktestResult:
        patient = {"stale_after_hours": 200, "delisted_after_hours": 400}
        return run(funding, start=start, end=end, capital_usd=1e6, outages=patient)

    funding, end = drawn_market(seed), START + HOURS * HOUR
    whole = run_over(START, end)
    idle = (pl.col("n_positions") == 0) & (pl.col("n_positions").shift() == 0)
    within = pl.col("time").is_between(START + 24 * HOUR, end, closed="left")
    for cut in whole.equity.filter(idle & within)["time"].head(1):
        parts = [run_over(START, cut), run_over(cut, end)]
        same = pl.exclude("trade_id", "position_id")
        joined = pl.concat([part.trades for part in parts])
        assert joined.select(same).equals(whole.trades.select(same))
