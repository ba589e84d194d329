"""A full disk, a locked catalog, a lake that is not there: typed errors, nothing lost."""

import random
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake.connection import catalog_file, connect, create
from funding_platform.lake.errors import LakeFullError, LakeLockedError
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import age, january_of, parquet_names, rates


@pytest.fixture
def _new_lakes_are_copies() -> None:
    """Not here, where making them is tested."""


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while file.write(b"\0" * 65_536):
            continue


def test_a_full_disk_is_named_and_nothing_stored_is_lost(small_disk: Path) -> None:
    settings = Settings(data_dir=small_disk / "data")
    good = rates(symbols=50, hours=24)
    with Lake(settings) as lake:
        with lake.commit("run", "good") as transaction:
            transaction.replace(FUNDING_RATES, good, january_of())
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space left"):
            fill_up(filler)
        with (
            pytest.raises(LakeFullError, match="no space left") as caught,
            lake.commit("run", "too much") as transaction,
        ):
            transaction.replace(
                FUNDING_RATES, rates(symbols=300, hours=200, rate=2e-4), january_of()
            )
        assert "free some space" in str(caught.value)
        filler.unlink()
        assert lake.read("SELECT count(*), max(funding_rate) FROM core.funding_rates").row(0) == (
            good.height,
            1e-4,
        )
        with lake.commit("run", "again") as transaction:
            transaction.replace(FUNDING_RATES, rates(rate=2e-4), january_of())


def test_a_failed_commit_leaves_no_file_and_a_full_disk_can_be_maintained(
    small_disk: Path,
) -> None:
    settings = Settings(data_dir=small_disk / "data")
    good = rates(symbols=100, hours=50)
    with Lake(settings) as lake:
        for rate in (1e-4, 2e-4):  # the first is given up by the second
            with lake.commit("run", "good") as transaction:
                frame = good.with_columns(funding_rate=pl.lit(rate))
                transaction.replace(FUNDING_RATES, frame, january_of())
    age(settings, timedelta(days=1.5))
    maintain(settings, keep_days=0)
    age(settings, timedelta(days=1.5))
    files = parquet_names(settings)
    generator = random.Random(7)
    bulky = rates("okx", symbols=100, hours=700).with_columns(
        pl.Series("funding_rate", [generator.random() / 1e3 for _ in range(70_000)])
    )
    with Lake(settings) as lake:
        free = shutil.disk_usage(small_disk).free
        (small_disk / "most").write_bytes(b"\0" * (free - 400_000))
        with (
            pytest.raises(LakeFullError, match="is removed again"),
            lake.commit("run", "too much for the disk") as transaction,
        ):
            transaction.append(FUNDING_RATES, bulky)
        assert parquet_names(settings) == files
    with pytest.raises(OSError, match="No space left"):
        fill_up(small_disk / "filler")
    maintain(settings, keep_days=0, trust_clock=True)
    assert len(parquet_names(settings)) < len(files)
    with connect(settings) as reader:
        assert reader.sql("SELECT max(funding_rate) FROM core.funding_rates").fetchone() == (2e-4,)


HOLD = """
import sqlite3, sys
catalog = sqlite3.connect(sys.argv[1], isolation_level=None)
catalog.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_locked_catalog_is_named_and_nothing_stored_is_lost(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, lock_timeout_seconds=0.5)
    with Lake(settings) as lake:
        with lake.commit("run", "good") as transaction:
            transaction.replace(FUNDING_RATES, rates(), january_of())
        # Another process: SQLite's locks do not hold between connections of one.
        other = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(catalog_file(settings))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            with (
                pytest.raises(LakeLockedError, match="locked by another process"),
                lake.commit("run", "blocked") as transaction,
            ):
                transaction.replace(FUNDING_RATES, rates(rate=2e-4), january_of())
        assert lake.read("SELECT max(funding_rate) FROM core.funding_rates").item() == 1e-4


def test_a_half_made_catalog_of_a_killed_process_is_made_anew(settings: Settings) -> None:
    settings.lake_dir.mkdir(parents=True)
    (settings.lake_dir / ".catalog.sqlite.new").write_bytes(b"half of a database")
    create(settings)
    create(settings)
    with Lake(settings) as lake:
        assert lake.read("SELECT count(*) FROM core.funding_rates").item() == 0
