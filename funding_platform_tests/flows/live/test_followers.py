"""What follows the board with the lake beside it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import HOUR, Window
from funding_platform.curves import build_curves, curve_factors
from funding_platform.flows.live.followers import Factors, Strips
from funding_platform.lake.writer import Lake
from funding_platform.live.board.board import Board
from funding_platform.settings import Settings
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.dbt.market import frame_of

SYMBOLS = {"BTCUSDT": "BTC", "PEPEUSDT": "PEPE"}


def filled(settings: Settings, now: datetime) -> pl.DataFrame:
    """Store two perpetuals and five weeks of settlements; return the settled curves."""
    rolls = [now.replace(minute=0) - 8 * number * HOUR for number in range(1, 3 * 35)]
    rates = frame_of(
        FUNDING_RATES,
        [
            {
                "venue": "binance",
                "venue_symbol": symbol,
                "funding_time": roll,
                "funding_rate": 1e-4 + 1e-5 * (roll.hour + roll.day % 5),
                "interval_hours": 8.0,
                "interval_inferred": False,
                "venue_time": roll,
                "observed_at": roll,
            }
            for symbol in SYMBOLS
            for roll in rolls
        ],
    )
    listed = [
        {
            "venue": "binance",
            "venue_symbol": symbol,
            "base": base,
            "quote": "USDT",
            "multiplier": 1.0,
            "contract_type": "linear",
            "asset_class": "crypto",
            "status": "trading",
            "first_seen_at": rolls[-1],
            "last_seen_at": rolls[0],
        }
        for symbol, base in SYMBOLS.items()
    ]
    curves = build_curves(rates, Window(rolls[-1], now))
    with Lake(settings) as lake, lake.commit("run", "a market") as transaction:
        transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, listed))
        transaction.append(FUNDING_RATES, rates)
        transaction.append(CURVE_SNAPSHOTS, curves)
    return curves.filter(kind="settled")


def test_factors_of_the_watched_are_those_of_curves_and_move_once_a_minute(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, alert_bases=("BTC",))
    now = datetime.now(UTC).replace(second=10, microsecond=0)
    settled = filled(settings, now)
    board, strips = Board(), Strips(settings)
    factors = Factors(settings, strips)
    strips.take(strips.read())
    factors.take(factors.read())

    def looked(rate: float, at: datetime) -> pl.DataFrame:
        said = [
            MarketUpdate(venue_symbol=symbol, predicted_rate=rate, interval_hours=8.0)
            for symbol in SYMBOLS
        ]
        board.apply("binance", at, said)
        assert strips.follow(board.view(), at) is not None
        found = factors.follow(board.view(), at)
        assert found is not None
        return found

    first = looked(9e-4, now)
    assert first["venue_symbol"].to_list() == ["BTCUSDT"]
    assert first["level_z"][0] > 2
    assert looked(1e-4, now + timedelta(seconds=20)).equals(first)
    later = looked(2e-4, now + timedelta(seconds=60))
    assert later["as_of"][0] > first["as_of"][0]

    newest = strips.newest
    assert newest is not None
    past = settled.filter(venue_symbol="BTCUSDT")
    own = CURVE_SNAPSHOTS.conform(newest.filter(venue_symbol="BTCUSDT"))
    named = pl.DataFrame(
        {"venue": ["binance"], "venue_symbol": ["BTCUSDT"], "base": ["BTC"]}
    ).with_columns(asset_class=pl.lit("crypto"))
    expected = curve_factors(
        pl.concat([CURVE_SNAPSHOTS.conform(past), own]), instruments=named
    ).filter(kind="live")
    assert_frame_equal(later, CURVE_FACTORS.conform(expected), check_exact=True)


def test_before_the_lake_was_read_nothing_is_shown(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    factors = Factors(settings, Strips(settings))
    assert factors.follow(Board().view(), datetime.now(UTC)) is None
