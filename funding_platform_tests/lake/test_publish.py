"""The published file: whole, described, and replaced by rename."""

from pathlib import Path

import duckdb
import pytest

from funding_platform.core.tables import FUNDING_RATES, TABLES
from funding_platform.lake.errors import LakeMissingError
from funding_platform.lake.maintenance import maintain
from funding_platform.lake.publish import publish
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates


def fill(settings: Settings, **frame: float) -> int:
    with Lake(settings) as lake, lake.commit("run", "rates") as transaction:
        return transaction.replace(FUNDING_RATES, rates(**frame), january_of())  # type: ignore[arg-type]


def published(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_file_opens_with_nothing_but_duckdb(settings: Settings) -> None:
    rows = fill(settings, symbols=50, hours=24)
    assert publish(settings)["core.funding_rates"] == rows
    assert published(settings, "SELECT count(*) FROM core.funding_rates") == [(rows,)]


def test_columns_are_described(settings: Settings) -> None:
    fill(settings)
    publish(settings)
    found = dict(
        published(
            settings,
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'funding_rates'",
        )  # type: ignore[arg-type]
    )
    assert found == {c.name: c.documentation for c in TABLES["core.funding_rates"].columns}


def test_a_reader_of_the_old_file_is_not_disturbed(settings: Settings) -> None:
    fill(settings, rate=1e-4)
    publish(settings)
    with duckdb.connect(str(settings.published_file), read_only=True) as reader:
        fill(settings, rate=2e-4)
        publish(settings)
        assert reader.sql("SELECT max(funding_rate) FROM core.funding_rates").fetchone() == (1e-4,)
    assert published(settings, "SELECT max(funding_rate) FROM core.funding_rates") == [(2e-4,)]
    left = [path for path in settings.data_dir.iterdir() if path.name.startswith(".")]
    assert left == []


def test_without_a_lake_there_is_nothing_to_publish(tmp_path: Path) -> None:
    with pytest.raises(LakeMissingError):
        publish(Settings(data_dir=tmp_path))


def test_maintenance_merges_files_and_loses_no_row(settings: Settings) -> None:
    fill(settings, symbols=50, hours=24)
    with Lake(settings) as lake:
        for venue in ("okx", "bybit"):
            with lake.commit("run", venue) as transaction:
                frame = rates(venue, symbols=50, hours=24)
                transaction.replace(FUNDING_RATES, frame, january_of(venue))
        before = lake.read("SELECT * FROM core.funding_rates ORDER BY ALL")
    report = maintain(settings, keep_days=30)
    assert report.files_after <= report.files_before
    with Lake(settings) as lake:
        assert lake.read("SELECT * FROM core.funding_rates ORDER BY ALL").equals(before)
