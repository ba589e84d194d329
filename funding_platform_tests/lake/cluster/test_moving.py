"""A lake goes from a folder to PostgreSQL and S3 and back, into backups and out of them, whole."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.flows.progress import begin
from funding_platform.lake import connect
from funding_platform.lake.errors import CatalogSoundError
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.recovery.backup import back_up
from funding_platform.lake.recovery.from_backup import bring_back
from funding_platform.lake.recovery.move import move
from funding_platform.lake.recovery.rebuild import rebuild
from funding_platform.lake.recovery.rows import fingerprints
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.upkeep.savings import savings
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.servers.lakes import catalog_session


@pytest.fixture
def embedded(cluster: Settings) -> Settings:
    """The same settings, with the lake in the folder."""
    return Settings(**(cluster.model_dump() | {"lake_profile": "embedded"}))


def fill(settings: Settings, *, again: bool = True) -> int:
    """Store rows in files and in the catalog, and replace some; the snapshot before that."""
    with Lake(settings) as lake:
        for venue, hours, rate in (
            ("binance", 40, 1e-4),
            ("okx", 2, 1e-4),  # on embedded lakes few enough to stay in the catalog
            ("bybit", 40, 1e-4),
        ):
            with lake.commit("run", "january", tables=(FUNDING_RATES,)) as tx:
                tx.replace(FUNDING_RATES, rates(venue, hours=hours, rate=rate), january_of(venue))
        before = lake.snapshot_id()
        if not again:
            return before
        with lake.commit("run", "again") as tx:
            tx.replace(FUNDING_RATES, rates("okx", hours=3, rate=3e-4), january_of("okx"))
            tx.replace(FUNDING_RATES, rates("bybit", hours=30, rate=2e-4), january_of("bybit"))
        return before


def rows_at(settings: Settings, snapshot: int) -> list[tuple[object, ...]]:
    with closing(connect(settings, as_of=snapshot)) as lake:
        return lake.execute("FROM core.funding_rates ORDER BY ALL").fetchall()


def test_there_and_back_again_with_its_snapshots(cluster: Settings, embedded: Settings) -> None:
    before = fill(embedded)
    held, then = fingerprints(embedded), rows_at(embedded, before)
    there = move(cluster, "cluster", begin=begin)
    assert there.files_copied == len(profile_of(embedded).files.listing()) > 0
    assert fingerprints(cluster) == held
    assert rows_at(cluster, before) == then
    with pytest.raises(CatalogSoundError, match="already"):
        move(cluster, "cluster", begin=begin)
    with Lake(cluster) as lake, lake.commit("run", "more") as tx:
        tx.replace(FUNDING_RATES, rates("gate", hours=2), january_of("gate"))
    elsewhere = Settings(
        **(cluster.model_dump() | {"data_dir": cluster.data_dir.with_name("elsewhere")})
    )
    move(elsewhere, "embedded", begin=begin)
    back = Settings(**(elsewhere.model_dump() | {"lake_profile": "embedded"}))
    assert fingerprints(back) == fingerprints(cluster)
    assert rows_at(back, before) == then
    with Lake(back) as lake, lake.commit("run", "goes on") as tx:
        tx.replace(FUNDING_RATES, rates("gate", hours=4), january_of("gate"))


def test_a_move_that_was_stopped_goes_on(cluster: Settings, embedded: Settings) -> None:
    fill(embedded)
    held = fingerprints(embedded)

    def stopped(_text: str, _steps: int) -> Callable[[], None]:
        def advance() -> None:
            raise KeyboardInterrupt

        return advance

    with pytest.raises(KeyboardInterrupt):
        move(cluster, "cluster", begin=stopped)
    assert not profile_of(cluster).exists()
    copied = len(profile_of(cluster).files.listing())
    assert copied
    done = move(cluster, "cluster", begin=begin)
    assert done.files_copied == len(profile_of(embedded).files.listing()) - copied
    assert fingerprints(cluster) == held


@pytest.mark.parametrize("of", ["embedded", "cluster"])
def test_a_backup_of_either_is_brought_back_to_a_cluster(
    cluster: Settings, embedded: Settings, tmp_path: Path, of: str
) -> None:
    source = cluster if of == "cluster" else embedded
    before = fill(source)
    held, then = fingerprints(source), rows_at(source, before)
    back_up(source, tmp_path / "backups", keep=2, begin=begin)
    if of == "cluster":
        with catalog_session(cluster) as asked:
            asked.execute("DROP SCHEMA funding_lake CASCADE")
    done = bring_back(cluster, tmp_path / "backups", begin=begin)
    assert done.files_unknown == 0
    assert (done.files_copied == 0) == (of == "cluster")
    assert fingerprints(cluster) == held
    assert rows_at(cluster, before) == then


def test_a_catalog_that_was_lost_is_made_anew_from_the_files(cluster: Settings) -> None:
    fill(cluster, again=False)
    maintain(cluster, keep_days=30)  # what the catalog held itself would be lost with it
    held = fingerprints(cluster)[FUNDING_RATES.full_name]
    with catalog_session(cluster) as asked:
        asked.execute("DROP SCHEMA funding_lake CASCADE")
    done = rebuild(cluster, begin=begin)
    assert {table.name: table.rows for table in done.tables}[FUNDING_RATES.full_name] == held[0]
    assert fingerprints(cluster)[FUNDING_RATES.full_name] == held
    again = rebuild(cluster, force=True, begin=begin)
    assert again.kept
    assert "schema funding_lake_lost_" in again.kept
    assert fingerprints(cluster)[FUNDING_RATES.full_name] == held


def test_maintenance_deletes_what_the_catalog_gave_up_and_nothing_that_it_does_not_know(
    cluster: Settings,
) -> None:
    fill(cluster)
    held = fingerprints(cluster)
    files = profile_of(cluster).files
    stray = "core/funding_rates/ducklake-01a22b58-5cf2-7353-8b45-0cb30950b3aa.parquet"
    with files.writing(stray) as file:
        file.write(b"of a commit that a catalog put back does not know")
    first = maintain(cluster, keep_days=0)
    assert (first.leftovers_removed, first.files_unknown) == (0, 1)
    older(cluster, timedelta(days=3))
    assert maintain(cluster, keep_days=0, trust_clock=True).snapshots_expired > 0
    older(cluster, timedelta(days=3))
    told = {saving.what: saving for saving in savings(cluster, keep_days=0, trust_clock=True)}
    doomed, before = told["files that no snapshot reads"].files, len(files.listing())
    assert doomed
    assert maintain(cluster, keep_days=0, trust_clock=True).files_unknown == 1
    assert len(files.listing()) == before - doomed
    assert stray in {file.path for file in files.listing()}
    assert fingerprints(cluster) == held


def older(settings: Settings, by: timedelta) -> None:
    """Make the lake's commits, and what it has scheduled for deletion, older."""
    with catalog_session(settings) as asked:
        for table, column in (
            ("ducklake_snapshot", "snapshot_time"),
            ("ducklake_files_scheduled_for_deletion", "schedule_start"),
        ):
            asked.execute(f"UPDATE funding_lake.{table} SET {column} = {column} - %s", [by])
