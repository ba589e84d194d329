"""Published studies of funding, from the data they were made on: docs/published_results.md."""

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from funding_platform.backtest.results.ratios import sharpe, volatility
from funding_platform.core.market.persistence import persistence
from funding_platform_tests.backtest.test_published import at, read_csv

CARRY_FROM, CARRY_UNTIL = datetime(2020, 1, 8, tzinfo=UTC), datetime(2024, 3, 12, tzinfo=UTC)
"""He, Manela, Ross and von Wachter: BTC on Binance, both days included."""

CAPITAL = 1.5
"""Per dollar of coin: the coin, and half of it as margin of the short perpetual."""

EVERY_HOUR = range(1_755_820_800 // 3_600, 1_787_270_400 // 3_600)
"""From 2025-08-22 to 2026-08-21."""


def rates(shared: Path, venue: str, symbol: str) -> pl.DataFrame:
    folder = shared / "data" / "funding" / venue
    return read_csv(folder, f"{symbol}.csv").with_columns(time=at("funding_time_ms"))


def closes(shared: Path, venue: str) -> pl.DataFrame:
    frame = read_csv(shared / "data" / "prices" / venue, "BTCUSDT_1d.csv")
    return frame.select(day=at("time_ms"), close=pl.col("close").cast(pl.Float64))


def test_bitmex_yearly_sums(shared_dir: Path) -> None:
    """2017 27.2, 2018 -7.9, 2019 6.8 %. 2016 is no sum: it is the mean, 1,095 times."""
    by_year = (
        rates(shared_dir, "bitmex", "XBTUSD")
        .group_by(pl.col("time").dt.year().alias("year"))
        .agg(pl.col("funding_rate").sum().alias("total"), pl.col("funding_rate").mean())
    )
    found = {year: (total, mean) for year, total, mean in by_year.rows()}
    sums = [round(100 * found[year][0], 1) for year in (2017, 2018, 2019)]
    assert sums == [27.2, -7.9, 6.8]
    assert round(100 * found[2016][0], 1) == 34.0
    assert round(100 * 1_095 * found[2016][1], 1) == 57.0


def test_funding_of_the_spot_perp_carry(shared_dir: Path) -> None:
    """15.3 % a year with a deviation of 27.8; 10.18 % on one and a half dollars of capital."""
    paid = rates(shared_dir, "binance", "BTCUSDT").filter(
        pl.col("time").is_between(CARRY_FROM, CARRY_UNTIL, closed="left")
    )
    yearly = 1_095 * paid["funding_rate"].to_numpy()
    assert paid.height == 4_575
    assert round(100 * yearly.mean(), 1) == 15.3
    assert 100 * yearly.std(ddof=1) == pytest.approx(27.8, abs=0.1)
    assert 100 * yearly.mean() / CAPITAL == pytest.approx(10.18, abs=0.01)


def test_the_carry_marked_at_daily_closes(shared_dir: Path) -> None:
    """Its mean is the published one; its Sharpe ratio of 2.24 needs other marks than these."""
    paid = (
        rates(shared_dir, "binance", "BTCUSDT")
        .group_by((pl.col("time") - pl.duration(hours=1)).dt.truncate("1d").alias("day"))
        .agg(pl.col("funding_rate").sum())
    )
    days = (
        closes(shared_dir, "binance")
        .join(closes(shared_dir, "binance_spot"), on="day", suffix="_spot")
        .join(paid, on="day", how="left")
        .filter(
            pl.col("day").is_between(datetime(2020, 1, 7, tzinfo=UTC), CARRY_UNTIL, closed="left")
        )
        .sort("day")
    )
    spot, perpetual = (days[name].to_numpy() for name in ("close_spot", "close"))
    funding = days["funding_rate"].fill_null(0.0).to_numpy()
    returns = (
        np.diff(spot) / spot[:-1] - np.diff(perpetual) / perpetual[:-1] + funding[1:]
    ) / CAPITAL
    equity = np.cumprod(1 + returns)
    assert 365 * returns.mean() == pytest.approx(0.1005, abs=5e-5)
    assert volatility(returns) == pytest.approx(0.0106, abs=5e-5)
    assert sharpe(returns) == pytest.approx(9.47, abs=0.01)
    assert (equity / np.maximum.accumulate(equity) - 1).min() == pytest.approx(-0.0154, abs=5e-5)


def hourly(shared: Path, venue: str, symbol: str) -> tuple[np.ndarray, int]:
    """Funding of each hour, its share of the settlement that pays for it, % a year; and hours."""
    frame = rates(shared, venue, symbol).select(
        hour=(pl.col("funding_time_ms") + 1_800_000) // 3_600_000,
        rate=pl.col("funding_rate").cast(pl.Float64),
        paid=pl.coalesce(
            pl.col("interval_hours").cast(pl.Float64),
            ((pl.col("funding_time_ms").diff() + 1_800_000) // 3_600_000).cast(pl.Float64),
        ).clip(1, 8),
    )
    values, longest = np.full(len(EVERY_HOUR), np.nan), 1
    for hour, rate, paid in frame.drop_nulls().iter_rows():
        last = hour - EVERY_HOUR.start + 1
        if 0 < last <= len(values):
            values[max(last - round(paid), 0) : last] = 876_000 * rate / paid
            longest = max(longest, round(paid))
    return values, longest


VENUES = {"binance": "{}USDT", "bybit": "{}USDT", "hyperliquid": "{}"}


@pytest.mark.parametrize(
    ("base", "pair", "as_published", "verdict", "half_life"),
    [
        ("BTC", ("binance", "hyperliquid"), 2.91, "persistent", 5.83),
        ("BTC", ("bybit", "hyperliquid"), 2.75, "persistent", 5.13),
        ("BTC", ("binance", "bybit"), 9.04, "persistent", 6.25),
        ("SOL", ("binance", "hyperliquid"), 0.99, "not persistent", None),
        ("SOL", ("binance", "bybit"), 5.45, "not persistent", None),
        ("XRP", ("binance", "bybit"), 5.17, "not persistent", None),
        ("XRP", ("bybit", "hyperliquid"), 1.36, "persistent", 2.38),
        ("SUI", ("binance", "bybit"), 5.25, "not persistent", None),
        ("SUI", ("binance", "hyperliquid"), 2.92, "persistent", 4.40),
        ("INJ", ("bybit", "hyperliquid"), 0.70, "not persistent", None),
        ("TIA", ("binance", "hyperliquid"), 2.78, "persistent", 4.48),
    ],
)
def test_half_lives_of_spreads_between_venues(
    shared_dir: Path,
    base: str,
    pair: tuple[str, str],
    as_published: float,
    verdict: str,
    half_life: float | None,
) -> None:
    """Of 1.5 to 3 hours as published; over whole settlements, many are no memory at all."""
    (one, of_one), (other, of_other) = (
        hourly(shared_dir, venue, VENUES[venue].format(base)) for venue in pair
    )
    spread = one - other
    known = ~(np.isnan(spread[:-1]) | np.isnan(spread[1:]))
    slope = np.polyfit(spread[:-1][known], spread[1:][known], 1)[0]
    assert math.log(0.5) / math.log(slope) == pytest.approx(as_published, abs=0.03)
    found = persistence(spread, 1.0, lag=max(of_one, of_other))
    assert found.verdict == verdict
    assert found.half_life_hours == (half_life and pytest.approx(half_life, abs=0.06))


def test_an_eight_hour_copy_of_noise_has_the_half_life_that_was_seen() -> None:
    """``ln(1/2) / ln(7/8)`` is 5.19 hours: that of SOL, XRP and SUI between Binance and Bybit."""
    noise = np.repeat(np.random.default_rng(0).normal(size=20_000), 8)
    slope = np.polyfit(noise[:-1], noise[1:], 1)[0]
    assert math.log(0.5) / math.log(slope) == pytest.approx(5.19, abs=0.1)
    assert persistence(noise, 1.0, lag=8).verdict == "not persistent"
