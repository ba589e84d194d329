"""A lost catalog: every door refuses, nothing is deleted, and two ways lead back."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner

from funding_platform.cli import main
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.flows.doctor import examine
from funding_platform.lake import connect
from funding_platform.lake.catalog import catalog_file, copy_file
from funding_platform.lake.errors import (
    CatalogLostError,
    CatalogOutdatedError,
    LakeReadOnlyError,
)
from funding_platform.lake.marts.dbt_plugin import Plugin
from funding_platform.lake.publish import publish
from funding_platform.lake.read_only.query import query
from funding_platform.lake.recovery.backup import back_up
from funding_platform.lake.recovery.rebuild import rebuild
from funding_platform.lake.recovery.restore import restore
from funding_platform.lake.recovery.rows import fingerprints
from funding_platform.lake.upgrade import upgrade
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.upkeep.savings import savings
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import JANUARY, january_of, parquet_names, rates


def seen(frame: pl.DataFrame, hours: int) -> pl.DataFrame:
    """The frame as it was observed later."""
    return frame.with_columns(pl.col("observed_at") + timedelta(hours=hours))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A month written twice, rows in the catalog alone, rows updated in place."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("full") / "data", lock_timeout_seconds=30)
    with Lake(settings) as lake:
        frames = [
            rates(symbols=20, hours=24),
            seen(rates(symbols=20, hours=23, rate=2e-4), 1),
        ]
        for frame in frames:
            with lake.commit("run", "a month") as transaction:
                transaction.replace(FUNDING_RATES, frame, january_of())
        with lake.commit("run", "a few rows, which get no file") as transaction:
            transaction.append(FUNDING_RATES, rates("deribit", symbols=1, hours=4))
        for frame in (
            rates("okx", symbols=1, hours=3),
            seen(rates("okx", symbols=1, hours=5, rate=3e-4), 1),
            seen(rates(symbols=7, hours=20, rate=3e-4), 2),
        ):
            with lake.commit("run", "updates") as transaction:
                transaction.upsert(FUNDING_RATES, frame)
    return settings


@pytest.fixture
def lake(full: Settings, tmp_path: Path) -> Settings:
    """A copy of that lake, to be broken."""
    shutil.copytree(full.data_dir, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data", lock_timeout_seconds=30)


def deleted(catalog: Path) -> None:
    catalog.unlink()


def emptied(catalog: Path) -> None:
    catalog.write_bytes(b"")


def truncated(catalog: Path) -> None:
    catalog.write_bytes(catalog.read_bytes()[: catalog.stat().st_size // 2])


def overwritten(catalog: Path) -> None:
    catalog.write_bytes(b"not a database at all" * 999)


def without_snapshots(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as database:
        database.execute("DELETE FROM ducklake_snapshot")
        database.commit()


def of_another_program(catalog: Path) -> None:
    catalog.unlink()
    with closing(sqlite3.connect(catalog)) as database:
        database.execute("CREATE TABLE notes (text)")
        database.commit()


Damage = Callable[[Path], None]


@pytest.mark.parametrize(
    "damage",
    [deleted, emptied, truncated, overwritten, without_snapshots, of_another_program],
)
def test_every_door_refuses_and_changes_nothing(lake: Settings, damage: Damage) -> None:
    damage(catalog_file(lake))
    for path in lake.data_dir.rglob("*.parquet"):
        os.utime(path, (0, 0))
    before = {path: path.stat().st_size for path in lake.data_dir.rglob("*") if path.is_file()}
    doors: list[Callable[[], object]] = [
        lambda: connect(lake),
        lambda: Lake(lake),
        lambda: query("SELECT 1", lake),
        lambda: publish(lake),
        lambda: maintain(lake, keep_days=0),
    ]
    for door in doors:
        with pytest.raises(CatalogLostError, match=r"lake restore.*lake rebuild"):
            door()
    (finding,) = [
        found for found in examine(lake, JANUARY.end) if "catalog" in found.text and not found.well
    ]
    assert "lake rebuild" in (finding.remedy or "")
    after = {path: path.stat().st_size for path in lake.data_dir.rglob("*") if path.is_file()}
    assert {path: after.get(path) for path in before} == before


@pytest.mark.parametrize("damage", [deleted, emptied])
def test_dbt_makes_no_catalog_where_files_are(
    lake: Settings, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(catalog_file(lake))
    monkeypatch.setenv("FUNDING_DATA_DIR", str(lake.data_dir))
    plugin = Plugin("dbt_plugin", {})
    with duckdb.connect() as connection, pytest.raises(CatalogLostError):
        plugin.configure_connection(connection)


@pytest.mark.world
def test_a_copy_is_put_back_whole(lake: Settings) -> None:
    before, files = fingerprints(lake), parquet_names(lake)
    truncated(catalog_file(lake))
    restored = restore(lake)
    assert (restored.files_unknown, fingerprints(lake)) == (0, before)
    assert restored.kept is not None
    assert Path(restored.kept).exists()
    assert parquet_names(lake) == files
    with Lake(lake) as writer, writer.commit("run", "goes on") as transaction:
        transaction.upsert(FUNDING_RATES, seen(rates("bybit"), 9))


def silent(label: str, total: int) -> Callable[[], None]:
    return lambda: None


@pytest.mark.world
def test_a_catalog_is_rebuilt_from_the_copy_and_what_came_after_it(lake: Settings) -> None:
    old = copy_file(lake).read_bytes()
    with Lake(lake) as writer, writer.commit("run", "after the copy") as transaction:
        transaction.upsert(FUNDING_RATES, seen(rates(symbols=3, hours=9, rate=4e-4), 5))
    before, files = fingerprints(lake), parquet_names(lake)
    copy_file(lake).write_bytes(old)
    deleted(catalog_file(lake))
    rebuilt = rebuild(lake, begin=silent)
    assert rebuilt.base == copy_file(lake)
    assert fingerprints(lake) == before
    assert {t.name: (t.rows, t.fingerprint) for t in rebuilt.tables} == before
    assert files <= parquet_names(lake)


def test_without_a_copy_it_is_rebuilt_from_the_files(lake: Settings) -> None:
    """What the files cannot say: rows in the catalog alone, and which rows were deleted."""
    with connect(lake) as connection:
        live = connection.sql("FROM core.funding_rates WHERE venue = 'binance'").pl()
    files = parquet_names(lake)
    broken = lake.lake_dir / "files" / "core" / "funding_rates" / "half.parquet"
    broken.write_bytes(b"PAR1 and nothing else")
    shutil.rmtree(copy_file(lake).parent)
    deleted(catalog_file(lake))
    rebuilt = rebuild(lake, begin=silent)
    assert rebuilt.files_unreadable == (str(broken),)
    with connect(lake) as connection:
        after = connection.sql("FROM core.funding_rates").pl()
    assert "deribit" not in after["venue"]  # four rows, which had no file
    kept = after.join(live, on=live.columns, how="semi", nulls_equal=True)
    assert kept.height == live.height
    of_binance = after.filter(pl.col("venue") == "binance")
    back = of_binance.join(live, on=FUNDING_RATES.key, how="anti")
    assert back["funding_rate"].unique().to_list() == [1e-4]  # the hour that the month lost again
    assert files < parquet_names(lake)
    report = maintain(lake, keep_days=0)
    assert report.files_unknown == len(files) + 1
    assert files < parquet_names(lake)


def test_the_command_tells_what_it_did_and_refuses_a_sound_catalog(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(lake.data_dir))
    expected = fingerprints(lake)["core.funding_rates"]
    for way in ("rebuild", "restore"):
        refused = CliRunner().invoke(main, ["lake", way])
        assert refused.exit_code == 1
        assert f"there is nothing to {way}" in refused.output
    emptied(catalog_file(lake))
    told = CliRunner().invoke(main, ["lake", "rebuild"])
    assert told.exit_code == 0, told.output
    assert f"{expected[0]}  {expected[1]}  core.funding_rates" in told.output
    assert "cannot be known" in told.output
    assert list(lake.lake_dir.glob("catalog.lost-*.sqlite"))


@pytest.mark.world
def test_an_older_catalog_that_was_put_back_costs_no_file(lake: Settings) -> None:
    older = catalog_file(lake).read_bytes()
    with Lake(lake) as writer:
        for number in range(6):
            frame = rates(f"venue{number}", symbols=2, hours=24)
            with writer.commit("run", "newer") as transaction:
                transaction.replace(FUNDING_RATES, frame, january_of(f"venue{number}"))
    before, files = fingerprints(lake), parquet_names(lake)
    for path in lake.lake_dir.glob("catalog.sqlite*"):
        path.unlink()
    catalog_file(lake).write_bytes(older)
    with pytest.raises(CatalogOutdatedError, match="6 of"):
        maintain(lake, keep_days=0)
    assert any(
        not found.well and "older copy" in found.text for found in examine(lake, JANUARY.end)
    )
    rebuild(lake, force=True, begin=silent)
    assert fingerprints(lake) == before
    maintain(lake, keep_days=0)
    assert files <= parquet_names(lake)


def test_a_file_that_is_gone_is_named_by_the_doctor(lake: Settings) -> None:
    gone = next(iter(sorted(lake.data_dir.rglob("*.parquet"))))
    gone.unlink()
    (finding,) = [found for found in examine(lake, JANUARY.end) if gone.name in found.text]
    assert not finding.well


@pytest.mark.world
def test_a_quote_in_the_path_is_just_a_letter(lake: Settings) -> None:
    moved = lake.data_dir.rename(lake.data_dir.with_name('it\'s "here"'))
    settings = Settings(data_dir=moved)
    rows = query("SELECT count(*) FROM core.funding_rates", settings).item()
    assert publish(settings)["core.funding_rates"] == rows == 469
    with Lake(settings) as writer, writer.commit("run", "quoted") as transaction:
        transaction.append(FUNDING_RATES, rates("bybit", symbols=9))
    maintain(settings, keep_days=0)
    emptied(catalog_file(settings))
    rebuild(settings, begin=silent)
    assert query("SELECT count(*) FROM core.funding_rates", settings).item() == rows + 45


@pytest.fixture
def read_only(lake: Settings) -> Settings:
    """The lake on a file system that cannot be written to."""
    folder = str(lake.data_dir)
    for path in lake.lake_dir.glob("catalog.sqlite-*"):
        path.unlink()
    for command in (["--bind", folder], ["-o", "remount,ro,bind"]):
        done = subprocess.run(["mount", *command, folder], check=False, capture_output=True)
        if done.returncode:
            pytest.skip("mounting a folder read-only needs root")
    return lake


@pytest.mark.world
def test_a_lake_that_cannot_be_written_is_read(read_only: Settings, tmp_path: Path) -> None:
    try:
        back_up(read_only, tmp_path / "elsewhere", keep=1, begin=silent)
        assert savings(read_only, keep_days=0)
        assert query("SELECT count(*) FROM core.funding_rates", read_only).item() == 469
        assert all(f.well for f in examine(read_only, JANUARY.end) if "settlements" in f.text)
        doors: list[Callable[[], object]] = [
            lambda: Lake(read_only),
            lambda: publish(read_only),
            lambda: maintain(read_only, keep_days=0),
            lambda: rebuild(read_only, force=True, begin=silent),
            lambda: upgrade(read_only),
        ]
        for door in doors:
            with pytest.raises(LakeReadOnlyError, match="FUNDING_DATA_DIR"):
                door()
    finally:
        subprocess.run(["umount", "--lazy", str(read_only.data_dir)], check=True)
