"""Published results out of the marts, over real funding history.

The histories and the published figures are described in the README of the shared data folder.
"""

import numpy as np
import polars as pl
import pytest

from funding_platform.flows.queries import funding_paid
from funding_platform.lake import connect
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.flows.conftest import ReplayedLake
from funding_platform_tests.flows.published import assert_published_result_2

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def summed_up(replayed: ReplayedLake) -> ReplayedLake:
    """The replayed lake with its marts, the statistics as of the end of published result 1."""
    as_of = "{statistics_as_of: '2025-06-18 08:00:00+00'}"
    outcome = run_dbt(
        replayed.settings, "build", "--exclude-resource-type", "test", "unit_test", "--vars", as_of
    )
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    return replayed


def query(lake: ReplayedLake, sql: str) -> pl.DataFrame:
    with connect(lake.settings) as connection:
        return connection.execute(sql).pl()


def test_published_result_1_binance_btcusdt(summed_up: ReplayedLake) -> None:
    """6,325 settlements of Binance BTCUSDT, 2019-09-10 to 2025-06-18 (hfchiu)."""
    (row,) = query(
        summed_up,
        "FROM marts.funding_rate_stats "
        "WHERE venue = 'binance' AND venue_symbol = 'BTCUSDT' AND period = 'all'",
    ).rows(named=True)
    assert (row["settlements"], row["expected"], row["unscaled"]) == (6325, 6325, 0)
    percent = {name: 100 * row[f"{name}_8h"] for name in ("mean", "sigma", "min", "max")}
    assert round(percent["mean"], 4) == 0.0121
    assert round(percent["sigma"], 4) == 0.0224
    assert round(percent["min"], 2) == -0.30
    assert round(percent["max"], 2) == 0.30
    assert round(100 * row["share_positive"], 1) == 86.9
    tails = query(
        summed_up,
        "SELECT count(*) FILTER (funding_rate >= 5e-4 - 1e-14) AS high, "
        "count(*) FILTER (funding_rate <= -5e-4 + 1e-14) AS low, "
        "100 * avg(funding_rate) FILTER (funding_rate >= 5e-4 - 1e-14) AS mean_high, "
        "100 * avg(funding_rate) FILTER (funding_rate <= -5e-4 + 1e-14) AS mean_low "
        "FROM marts.funding_rates_resampled WHERE venue = 'binance' AND venue_symbol = 'BTCUSDT' "
        "AND resolution_hours = 8 AND bucket_end <= TIMESTAMPTZ '2025-06-18 08:00:00+00'",
    ).row(0, named=True)
    assert (tails["high"], tails["low"]) == (333, 13)
    assert round(tails["mean_high"], 4) == 0.0863
    assert round(tails["mean_low"], 4) == -0.0909


def hourly_spread(lake: ReplayedLake, symbol: str, coin: str) -> np.ndarray:
    """Binance less Hyperliquid, % a year, hour by hour."""
    return query(
        lake,
        f"""
        SELECT 100 * (binance.apr - other.apr) AS spread
        FROM marts.funding_rates_resampled AS binance
        JOIN marts.funding_rates_resampled AS other USING (resolution_hours, bucket_end)
        WHERE resolution_hours = 1
        AND binance.venue = 'binance' AND binance.venue_symbol = '{symbol}'
        AND other.venue = 'hyperliquid' AND other.venue_symbol = '{coin}'
        AND bucket_end >= TIMESTAMPTZ '2024-07-01 00:00:00+00'
        AND bucket_end < TIMESTAMPTZ '2026-07-30 00:00:00+00'
        ORDER BY bucket_end
        """,
    )["spread"].to_numpy()


def test_published_result_2_binance_against_hyperliquid(summed_up: ReplayedLake) -> None:
    btc = hourly_spread(summed_up, "BTCUSDT", "BTC")
    sol = hourly_spread(summed_up, "SOLUSDT", "SOL")
    assert_published_result_2(btc, sol)


def test_the_buckets_of_real_history_add_up(summed_up: ReplayedLake) -> None:
    paid = query(summed_up, "SELECT sum(funding_rate), count(*) FROM core.funding_rates").row(0)
    by_resolution = query(
        summed_up,
        "SELECT sum(funding_rate), sum(settlements)::BIGINT FROM marts.funding_rates_resampled "
        "GROUP BY resolution_hours",
    ).rows()
    assert len(by_resolution) == 4
    for funding, settlements in by_resolution:
        assert (funding, settlements) == (pytest.approx(paid[0], rel=1e-9), paid[1])


def test_what_longs_paid_is_added_up_by_contract_and_not_by_venue(summed_up: ReplayedLake) -> None:
    with connect(summed_up.settings) as lake:  # without contract facts a base is its symbol
        paid = {
            (row["venue"], row["venue_symbol"]): round(100 * row["paid"], 2)
            for symbol in ("BTCUSDT", "BTCUSD")
            for row in funding_paid(lake, symbol).iter_rows(named=True)
        }
    assert paid["binance", "BTCUSDT"] == 80.74
    assert paid["bybit", "BTCUSDT"] == 62.47
    assert paid["bybit", "BTCUSD"] == 81.05
