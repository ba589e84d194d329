"""The published file: whole, described, and replaced by rename."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.registry import TABLES
from funding_platform.lake.errors import LakeLockedError, LakeMissingError
from funding_platform.lake.locks import publish_lock
from funding_platform.lake.publish import publish
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.lake.test_processes import SPAWN


def fill(settings: Settings, **frame: Any) -> int:
    with Lake(settings) as lake, lake.commit("run", "rates") as transaction:
        return transaction.replace(FUNDING_RATES, rates(**frame), january_of())


def published(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
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
        )
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


@pytest.mark.world
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


@pytest.mark.world
def test_leftovers_of_killed_publishers_go_and_a_rival_is_waited_for(settings: Settings) -> None:
    fill(settings)
    for name in (".funding.duckdb.new", ".funding.duckdb.4711.new", ".funding.duckdb.4711.new.wal"):
        (settings.data_dir / name).write_bytes(b"half of a database")
    publish(settings)
    assert [p.name for p in settings.data_dir.iterdir() if p.name.startswith(".")] == []
    impatient = settings.model_copy(update={"lock_timeout_seconds": 0.2})
    with (
        publish_lock(settings),
        pytest.raises(LakeLockedError, match=r"publishing for over 0\.2 s"),
    ):
        publish(impatient)


@pytest.mark.world
def test_rivals_and_a_killed_one_leave_the_file_whole(settings: Settings) -> None:
    rows = fill(settings, symbols=50, hours=24)
    publish(settings)
    rivals = [SPAWN.Process(target=publish, args=(settings,)) for _ in range(3)]
    for process in rivals:
        process.start()
    while not (building := list(settings.data_dir.glob(".funding.duckdb.*.new"))):
        assert any(process.is_alive() for process in rivals)
    (doomed,) = [p for p in rivals if str(p.pid) == building[0].name.split(".")[3]]
    doomed.kill()
    for process in rivals:
        process.join()
    assert [p.exitcode for p in rivals if p is not doomed] == [0, 0]
    assert published(settings, "SELECT count(*) FROM core.funding_rates") == [(rows,)]
    assert [p.name for p in settings.data_dir.iterdir() if p.name.startswith(".")] == []
