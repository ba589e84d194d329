"""Real funding history: what the venues sent is what the lake holds, and published results hold.

The histories and the published figures are described in the README of the shared data folder.
"""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from funding_platform.core.units import HOURS_PER_YEAR
from funding_platform.lake import connect
from funding_platform_tests.flows.conftest import ReplayedLake
from funding_platform_tests.flows.published import assert_published_result_2
from funding_platform_tests.known import known

pytestmark = pytest.mark.world


def query(replayed: ReplayedLake, sql: str, *parameters: object) -> pl.DataFrame:
    with connect(replayed.settings) as connection:
        return connection.execute(sql, list(parameters)).pl()


def test_the_lake_holds_exactly_the_rows_of_every_csv(replayed: ReplayedLake) -> None:
    series = replayed.series()
    assert {venue for venue, _ in series} == set(replayed.reports)
    held = query(
        replayed,
        "SELECT venue, venue_symbol, epoch_ms(venue_time) AS stamp, "
        "epoch_us(funding_time) AS time, funding_rate FROM core.funding_rates ORDER BY ALL",
    )
    by_series = held.partition_by("venue", "venue_symbol", as_dict=True, include_key=False)
    assert set(by_series) == set(series)
    for venue, symbol in series:
        expected = replayed.csv_rows(venue, symbol)
        frame = by_series[venue, symbol]
        assert frame.select("stamp", "funding_rate").rows() == expected, (venue, symbol)
        rounded = [(stamp + 500) // 1000 * 1_000_000 for stamp, _ in expected]
        assert frame["time"].to_list() == rounded, (venue, symbol)


def test_every_symbol_was_read_without_failure(replayed: ReplayedLake) -> None:
    for venue, report in replayed.reports.items():
        assert report.failures == {}, venue
        assert report.rows == sum(
            len(replayed.csv_rows(of, symbol)) for of, symbol in replayed.series() if of == venue
        )


@pytest.mark.parametrize(
    ("venue", "symbol", "expected"),
    [
        ("binance", "SOLUSDT", {8.0: 6477, 4.0: 3, 2.0: 98}),
        ("binance", "RESOLVUSDT", {4.0: 1016, 1.0: 89}),
        ("binance", "HYPEUSDT", {4.0: 1686}),
        ("bybit", "INJUSDT", {8.0: 1073, 6.0: 1, 1.0: 170}),
        ("bybit", "HYPEUSDT", {8.0: 1092}),
        ("okx", "HYPE-USDT-SWAP", {4.0: 565}),
        ("hyperliquid", "HYPE", {1.0: 960}),
        # One settlement of TIAUSDT is absent: a lost one, not an interval of eight hours.
        ("binance", "TIAUSDT", {4.0: 2189}),
    ],
)
def test_mixed_and_changing_intervals_are_inferred(
    replayed: ReplayedLake, venue: str, symbol: str, expected: dict[float, int]
) -> None:
    counted = query(
        replayed,
        "SELECT interval_hours, count(*) FROM core.funding_rates "
        "WHERE venue = ? AND venue_symbol = ? GROUP BY 1",
        venue,
        symbol,
    )
    assert dict(counted.iter_rows()) == expected


def test_published_result_1_binance_btcusdt(replayed: ReplayedLake) -> None:
    """6,325 settlements of Binance BTCUSDT, 2019-09-10 to 2025-06-18 (hfchiu)."""
    rates = query(
        replayed,
        "SELECT funding_rate * 100 AS percent FROM core.funding_rates "
        "WHERE venue = 'binance' AND venue_symbol = 'BTCUSDT' "
        "AND funding_time <= TIMESTAMPTZ '2025-06-18 08:00:00+00'",
    )["percent"]
    high, low = rates.filter(rates >= 0.05 - 1e-12), rates.filter(rates <= -0.05 + 1e-12)
    figures = {
        "settlements": rates.len(),
        "mean": round(known(rates.mean()), 4),
        "sigma": round(known(rates.std()), 4),
        "min": round(known(rates.min()), 2),
        "max": round(known(rates.max()), 2),
        "positive": round(100 * (rates > 0).sum() / rates.len(), 1),
        "high": high.len(),
        "low": low.len(),
        "mean high": round(known(high.mean()), 4),
        "mean low": round(known(low.mean()), 4),
    }
    assert figures == {
        "settlements": 6325,
        "mean": 0.0121,
        "sigma": 0.0224,
        "min": -0.30,
        "max": 0.30,
        "positive": 86.9,
        "high": 333,
        "low": 13,
        "mean high": 0.0863,
        "mean low": -0.0909,
    }


HOURLY = """
WITH hours AS (
    SELECT
        venue,
        -- An hour is named by its end.
        funding_time - to_hours(hour_back::INTEGER) AS hour,
        funding_rate / interval_hours AS rate
    FROM core.funding_rates, unnest(generate_series(0, interval_hours::BIGINT - 1)) AS h(hour_back)
    WHERE venue = ? AND venue_symbol = ?
)
SELECT date_trunc('hour', hour) AS hour, rate FROM hours
"""


def hourly_spread(replayed: ReplayedLake, symbol: str, coin: str) -> np.ndarray:
    """Binance less Hyperliquid, % a year, in the hours that both were paid for.

    The published window is "July 2024 to end of July 2026"; its 18,215 hours are those that
    end from 2024-07-01 00:00 up to but not at 2026-07-30 00:00.
    """
    hour = pl.col("hour")
    window = (hour >= datetime(2024, 7, 1, tzinfo=UTC), hour < datetime(2026, 7, 30, tzinfo=UTC))
    binance = query(replayed, HOURLY, "binance", symbol).filter(*window)
    hyperliquid = query(replayed, HOURLY, "hyperliquid", coin).filter(*window)
    both = binance.join(hyperliquid, on="hour", suffix="_other").sort("hour")
    return (both["rate"] - both["rate_other"]).to_numpy() * HOURS_PER_YEAR * 100


def test_published_result_2_binance_against_hyperliquid(replayed: ReplayedLake) -> None:
    btc = hourly_spread(replayed, "BTCUSDT", "BTC")
    sol = hourly_spread(replayed, "SOLUSDT", "SOL")
    assert_published_result_2(btc, sol)
