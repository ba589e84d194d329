"""Lakes that have little in them yet: every model is built, and no test of dbt objects."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
    MARKET_SNAPSHOTS,
)
from funding_platform.core.time_grid import HOUR, floor_hour
from funding_platform.lake import connect
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import Row, frame_of
from funding_platform_tests.dbt.runner import run_dbt

NOW = datetime(2025, 3, 10, 12, 7, tzinfo=UTC)
HERE = ("build", "--exclude-resource-type", "unit_test")
BROKEN = (
    "CREATE SCHEMA IF NOT EXISTS intermediate; "
    "CREATE TABLE intermediate.int_opportunities AS "
    "SELECT {'observed_at': TIMESTAMPTZ '2025-03-10 12:07:00+00'} AS long FROM range(3)"
)
"""What earlier versions stored where there were ten pairs or less."""


def of(venue: str, symbol: str) -> Row:
    return {
        "venue": venue, "venue_symbol": symbol, "base": symbol,
        "quote": "USDe" if venue == "binance" else "USD1",
        "multiplier": 1.0, "contract_type": "linear", "status": "trading", "interval_hours": 8.0,
        "listed_at": NOW - 1000 * HOUR, "first_seen_at": NOW, "last_seen_at": NOW,
    }  # fmt: skip


def seen(venue: str, symbol: str, rate: float) -> Row:
    return {
        "venue": venue, "venue_symbol": symbol, "snapshot_hour": floor_hour(NOW),
        "observed_at": NOW, "predicted_rate": rate, "interval_hours": 8.0, "mark_price": 100.0,
        "next_funding_time": floor_hour(NOW) + 4 * HOUR, "open_interest_usd": 1e6,
        "volume_24h_usd": 1e6, "latency_ms": 1.0,
    }  # fmt: skip


def settled(venue: str, symbol: str) -> list[Row]:
    return [
        {
            "venue": venue, "venue_symbol": symbol, "funding_time": floor_hour(NOW) - n * 8 * HOUR,
            "funding_rate": 1e-4, "interval_hours": 8.0, "interval_inferred": False,
            "venue_time": NOW, "observed_at": NOW,
        }
        for n in range(1, 40)
    ]  # fmt: skip


def collected(venue: str) -> Row:
    return {
        "run_id": venue, "venue": venue, "dataset": "core.funding_rates", "status": "success",
        "started_at": NOW, "finished_at": NOW, "rows_written": 1, "requests": 1,
        "window_start": NOW - 900 * HOUR, "window_end": NOW,
    }  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One pair; and an instrument, a venue and a history that lack everything else."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("small") / "data")
    listed = [("binance", "BTC"), ("bybit", "BTC"), ("bybit", "NEW"), ("okx", "LISTED ONLY")]
    with Lake(settings) as lake:
        with lake.commit("collect", "one pair") as transaction:
            transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, [of(*one) for one in listed]))
            markets = [seen("binance", "BTC", 1e-4), seen("bybit", "BTC", 3e-4)]
            transaction.append(MARKET_SNAPSHOTS, frame_of(MARKET_SNAPSHOTS, markets))
            histories = [*settled("binance", "BTC"), *settled("bybit", "BTC")]
            histories += settled("aster", "HISTORY ONLY")
            transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, histories))
            log = [collected(venue) for venue in ("binance", "bybit", "okx")]
            transaction.append(COLLECTION_LOG, frame_of(COLLECTION_LOG, log))
        lake.connection.execute(BROKEN)
    return settings


@pytest.fixture(scope="module")
def transformed(small: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("transformed")
    shutil.copytree(small.data_dir, folder / "data")
    settings = Settings(data_dir=folder / "data")
    outcome = run_dbt(settings, *HERE)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr
    return settings


@pytest.mark.world
def test_one_pair_is_found_and_remembered(transformed: Settings) -> None:
    with connect(transformed) as lake:
        shown = lake.execute("SELECT base, long_venue FROM marts.opportunities").fetchall()
        kept = lake.execute("SELECT base, long_venue FROM marts.opportunity_history").fetchall()
    assert shown == kept == [("BTC", "binance")]


def test_what_never_settled_is_missing_not_present(transformed: Settings) -> None:
    with connect(transformed) as lake:
        counted = lake.execute(
            "SELECT sum(present), sum(missing) > 0 FROM marts.coverage WHERE venue_symbol = 'NEW'"
        ).fetchone()
    assert counted == (0, True)


def test_the_lake_stores_nothing_nested_that_holds_a_time(transformed: Settings) -> None:
    with connect(transformed) as lake:
        nested = lake.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
            "WHERE database_name = 'lake' AND data_type SIMILAR TO '.*(STRUCT|MAP|TIME.*\\[).*'"
        ).fetchall()
    assert nested == []


@pytest.mark.world
def test_the_tables_of_one_row_can_be_maintained(transformed: Settings, tmp_path: Path) -> None:
    shutil.copytree(transformed.data_dir, tmp_path / "data")
    maintain(Settings(data_dir=tmp_path / "data"), keep_days=30)


@pytest.mark.world
def test_maintenance_heals_a_table_that_cannot_be_read(small: Settings, tmp_path: Path) -> None:
    shutil.copytree(small.data_dir, tmp_path / "data")
    settings = Settings(data_dir=tmp_path / "data")
    with connect(settings) as lake, pytest.raises(duckdb.ConversionException):
        lake.execute("FROM intermediate.int_opportunities").fetchall()
    maintain(settings, keep_days=30)
    with connect(settings) as lake:
        assert lake.execute("SELECT count(*) FROM core.funding_rates").fetchone() == (117,)


def test_an_empty_lake_has_empty_marts(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    outcome = run_dbt(settings, *HERE)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr
    with connect(settings) as lake:
        assert lake.execute("SELECT count(*) FROM marts.opportunities").fetchone() == (0,)
    maintain(settings, keep_days=30)
