"""A real lake in a temporary folder, and frames for it."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import Window
from funding_platform.lake.catalog import catalog_file
from funding_platform.lake.writer import Scope
from funding_platform.settings import Settings

JANUARY = Window.of_month(datetime(2025, 1, 1, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", lock_timeout_seconds=30, lake_threads=2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def rates(
    venue: str = "binance", *, symbols: int = 2, hours: int = 5, rate: float = 1e-4
) -> pl.DataFrame:
    """Hourly settlements from the first of January 2025."""
    rows = [
        {
            "venue": venue,
            "venue_symbol": f"S{symbol}USDT",
            "funding_time": JANUARY.start + timedelta(hours=hour),
            "funding_rate": rate,
            "interval_hours": 1.0,
            "interval_inferred": True,
            "venue_time": JANUARY.start + timedelta(hours=hour, milliseconds=3),
            "observed_at": JANUARY.end,
        }
        for symbol in range(symbols)
        for hour in range(hours)
    ]
    return FUNDING_RATES.conform(pl.DataFrame(rows)).cast(FUNDING_RATES.polars_schema)


def january_of(venue: str = "binance") -> Scope:
    return Scope({"venue": venue}, "funding_time", JANUARY)


def age(settings: Settings, by: timedelta) -> None:
    """Make the lake's commits, and what it has scheduled for deletion, older."""
    with closing(sqlite3.connect(catalog_file(settings))) as catalog:
        for table, column in (
            ("ducklake_snapshot", "snapshot_time"),
            ("ducklake_files_scheduled_for_deletion", "schedule_start"),
        ):
            for number, text in catalog.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
                earlier = f"{datetime.fromisoformat(text) - by:%Y-%m-%d %H:%M:%S.%f+00}"
                catalog.execute(
                    f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [earlier, number]
                )
        catalog.commit()


def parquet_names(settings: Settings) -> set[str]:
    return {path.name for path in settings.data_dir.rglob("*.parquet")}
