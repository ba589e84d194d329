"""What a fill costs, by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from funding_platform.arbitrage.costs import FeeHistory, depth_impact_bps, linear_impact_bps
from funding_platform.core.time_grid import to_us

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SCHEDULES = pl.DataFrame(
    {
        "venue": ["b", "a", "a", "a"],
        "tier": ["base", "base", "base", "vip"],
        "effective_from": [START, START + 10 * DAY, START, START],
        "maker_bps": [1.0, 1.5, 2.0, 0.0],
        "taker_bps": [3.0, 4.0, 5.0, 2.5],
    }
)


def test_impact_by_hand() -> None:
    assert linear_impact_bps(250_000.0, 4.0) == pytest.approx(1.0)
    # 10,000,000 a day at 0.1 %: 10,000 USD rest in each basis point; half of five are paid.
    assert depth_impact_bps(50_000.0, 1e7, 1e-3) == pytest.approx(2.5)
    assert depth_impact_bps(np.array([0.0, 5e4]), np.array([1e7, 1e7]), 1e-3).tolist() == [0, 2.5]


@pytest.mark.parametrize(
    ("venue", "day", "fee"),
    [("a", -1, None), ("a", 0, 5.0), ("a", 9.99, 5.0), ("a", 10, 4.0), ("b", 50, 3.0)],
)
def test_the_fee_in_force(venue: str, day: float, fee: float | None) -> None:
    fees = FeeHistory.of(SCHEDULES, ("a", "b", "c"), "taker", {})
    assert fees.at(venue, to_us(START + day * DAY)) == fee
    assert fees.at("c", to_us(START)) is None


def test_tier_and_liquidity_choose_the_fee() -> None:
    now = to_us(START + DAY)
    assert FeeHistory.of(SCHEDULES, ("a",), "taker", {"a": "vip"}).at("a", now) == 2.5
    assert FeeHistory.of(SCHEDULES, ("a",), "maker", {}).at("a", now) == 2.0
    assert FeeHistory.flat(("a", "b"), 7.0).at("b", now) == 7.0
