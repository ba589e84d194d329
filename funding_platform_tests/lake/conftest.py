"""A real lake in a temporary folder, and frames for it."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import COLLECTION_LOG, FUNDING_RATES, RAW_PAYLOADS
from funding_platform.core.time_grid import Window
from funding_platform.lake.catalog import catalog_file
from funding_platform.lake.writer import Lake, Scope
from funding_platform.settings import Settings

JANUARY = Window.of_month(datetime(2025, 1, 1, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", lock_timeout_seconds=30, lake_threads=2)


@pytest.fixture
def old_lake(settings: Settings) -> Settings:
    """Without the raw payloads, and without what a logged attempt has gained since."""
    with Lake(settings) as lake:
        lake.connection.execute(f"DROP TABLE {RAW_PAYLOADS.full_name}")
        for column in ("window_start", "window_end", "breaker_state", "source"):
            lake.connection.execute(f"ALTER TABLE {COLLECTION_LOG.full_name} DROP COLUMN {column}")
    return settings


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
                earlier = _stamp(datetime.fromisoformat(text) - by)
                catalog.execute(
                    f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [earlier, number]
                )
        catalog.commit()


def date_commits(settings: Settings, newest: datetime) -> None:
    """Date the lake's commits a millisecond apart, whatever the machine's clock did meanwhile."""
    with closing(sqlite3.connect(catalog_file(settings))) as catalog:
        rows = catalog.execute("SELECT rowid FROM ducklake_snapshot ORDER BY snapshot_id DESC")
        for place, (number,) in enumerate(rows.fetchall()):
            moment = newest - place * timedelta(milliseconds=1)
            catalog.execute(
                "UPDATE ducklake_snapshot SET snapshot_time = ? WHERE rowid = ?",
                [_stamp(moment), number],
            )
        catalog.commit()


def _stamp(moment: datetime) -> str:
    """Write an instant as the catalog does."""
    return f"{moment:%Y-%m-%d %H:%M:%S.%f+00}"


def parquet_names(settings: Settings) -> set[str]:
    return {path.name for path in settings.data_dir.rglob("*.parquet")}
