"""Backups: taken while others write, whole or not there, and what comes back from them."""

import os
import shutil
import signal
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from click.testing import CliRunner

from funding_platform.cli import main
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.catalog import catalog_file, files_dir, parquet_files
from funding_platform.lake.errors import (
    BackupError,
    CatalogSoundError,
    FileLostError,
    LakeFullError,
    LakeMissingError,
)
from funding_platform.lake.recovery.backup import BackedUp, back_up
from funding_platform.lake.recovery.backups import BackupFolder
from funding_platform.lake.recovery.from_backup import bring_back
from funding_platform.lake.recovery.rows import fingerprints
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, parquet_names, rates
from funding_platform_tests.lake.test_processes import SPAWN


def quietly(_: str, __: int) -> Callable[[], None]:
    return lambda: None


def write(settings: Settings, venue: str, *, rate: float = 1e-4, symbols: int = 9) -> None:
    with Lake(settings) as lake, lake.commit("run", venue) as transaction:
        frame = rates(venue, symbols=symbols, hours=9, rate=rate)
        transaction.replace(FUNDING_RATES, frame, january_of(venue))


def backed_up(settings: Settings, target: Path, keep: int = 7) -> BackedUp:
    return back_up(settings, target, keep=keep, begin=quietly)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two months in files, one of them replaced, and a few rows in the catalog alone."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("made") / "data")
    write(settings, "binance")
    write(settings, "okx")
    write(settings, "binance", rate=2e-4)
    write(settings, "bybit", symbols=1)
    return settings


@pytest.fixture
def lake(made: Settings, settings: Settings) -> Settings:
    shutil.copytree(made.data_dir, settings.data_dir)
    return settings


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere"


def test_a_destroyed_lake_comes_back_row_by_row(lake: Settings, target: Path) -> None:
    before = fingerprints(lake)
    backed_up(lake, target)
    with connect(lake) as reader:
        snapshots = reader.execute("SELECT snapshot_id FROM lake.snapshots()").fetchall()
    shutil.rmtree(lake.data_dir)
    done = bring_back(lake, target, begin=quietly)
    assert fingerprints(lake) == before
    assert (done.kept, done.files_unknown) == (None, 0)
    with connect(lake) as reader:
        assert reader.execute("SELECT snapshot_id FROM lake.snapshots()").fetchall() == snapshots
    write(lake, "gate")  # it is a lake as any other
    maintain(lake, keep_days=30)


def test_only_what_is_new_is_copied(lake: Settings, target: Path) -> None:
    first = backed_up(lake, target)
    assert first.files_copied == len(first.manifest.files) > 2
    write(lake, "gate")
    second = backed_up(lake, target)
    assert second.files_copied == 1
    assert len(second.manifest.files) == len(first.manifest.files) + 1
    assert second.bytes_copied == sum(
        file.size for file in set(second.manifest.files) - set(first.manifest.files)
    )


@pytest.mark.world
def test_each_backup_that_is_kept_can_be_had(lake: Settings, target: Path) -> None:
    was = fingerprints(lake)
    first = backed_up(lake, target)
    write(lake, "gate")
    backed_up(lake, target)
    shutil.rmtree(lake.data_dir)
    bring_back(lake, target, name=first.name, begin=quietly)
    assert fingerprints(lake) == was
    with pytest.raises(CatalogSoundError):
        bring_back(lake, target, begin=quietly)
    with pytest.raises(BackupError, match="no backup yesterday"):
        bring_back(lake, target, name="yesterday", begin=quietly)


@pytest.mark.world
def test_of_old_backups_only_what_others_need_stays(lake: Settings, target: Path) -> None:
    backed_up(lake, target)
    shutil.rmtree(lake.data_dir)
    write(lake, "gate")  # to a lake made anew, which shares no file with the one before
    last = backed_up(lake, target, keep=1)
    folder = BackupFolder(target)
    assert folder.names() == [last.name]
    assert {path.name for path in parquet_files(folder.files)} == parquet_names(lake)
    assert last.files_dropped > 0


@pytest.mark.world
def test_a_backup_is_of_one_moment_while_others_write(lake: Settings, target: Path) -> None:
    done = threading.Event()

    def keep_writing() -> None:
        for number in range(5):
            if done.is_set():
                return
            write(lake, "gate", rate=number * 1e-6)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        made = [backed_up(lake, target) for _ in range(2)]
    finally:
        done.set()
        writer.join()
    with connect(lake, as_of=made[-1].manifest.snapshot_id) as then:
        (count,) = then.execute("SELECT count(*) FROM core.funding_rates").fetchone() or (0,)
    assert made[-1].manifest.tables["core.funding_rates"].rows == count
    shutil.rmtree(lake.data_dir)
    bring_back(lake, target, begin=quietly)
    assert fingerprints(lake)["core.funding_rates"][0] == count


def back_up_and_stop(settings: Settings, target: Path, stopped: Event) -> None:
    """Make a backup that stops for ever after its first file."""

    def begin(_: str, __: int) -> Callable[[], None]:
        def advance() -> None:
            stopped.set()
            signal.pause()

        return advance

    back_up(settings, target, keep=1, begin=begin)


@pytest.mark.world
def test_a_backup_that_is_killed_leaves_the_one_before_whole(lake: Settings, target: Path) -> None:
    was = fingerprints(lake)
    first = backed_up(lake, target)
    write(lake, "gate")
    stopped = SPAWN.Event()
    doomed = SPAWN.Process(target=back_up_and_stop, args=(lake, target, stopped))
    doomed.start()
    assert stopped.wait(60)
    assert doomed.pid is not None
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join()
    assert BackupFolder(target).names() == [first.name]
    elsewhere = Settings(data_dir=target.with_name("restored"))
    bring_back(elsewhere, target, begin=quietly)
    assert fingerprints(elsewhere) == was
    BackupFolder(target).drop_old(keep=1)  # as the next backup does: nobody has to clean up
    assert not list(target.glob(".*.new"))
    assert parquet_files(BackupFolder(target).files)


@pytest.mark.world
def test_a_restore_that_is_stopped_can_be_begun_again(lake: Settings, target: Path) -> None:
    was = fingerprints(lake)
    backed_up(lake, target)
    shutil.rmtree(lake.data_dir)

    def begin(_: str, __: int) -> Callable[[], None]:
        def advance() -> None:
            raise KeyboardInterrupt

        return advance

    with pytest.raises(KeyboardInterrupt):
        bring_back(lake, target, begin=begin)
    assert not catalog_file(lake).exists()
    done = bring_back(lake, target, begin=quietly)
    assert done.files_copied == len(done.manifest.files) - 1
    assert fingerprints(lake) == was


def spoil(path: Path) -> None:
    """Change one byte."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("spoilt", ["file", "catalog"])
def test_a_damaged_backup_puts_nothing_in_place(lake: Settings, target: Path, spoilt: str) -> None:
    done = backed_up(lake, target)
    folder = BackupFolder(target)
    spoil(
        folder.catalog(done.name)
        if spoilt == "catalog"
        else folder.files / done.manifest.files[-1].path
    )
    shutil.rmtree(lake.data_dir)
    with pytest.raises(BackupError, match="gone or damaged"):
        bring_back(lake, target, begin=quietly)
    assert not catalog_file(lake).exists()


@pytest.mark.world
def test_a_lost_catalog_comes_back_and_damaged_files_with_it(lake: Settings, target: Path) -> None:
    was = fingerprints(lake)
    backed_up(lake, target)
    write(lake, "gate")
    catalog_file(lake).write_bytes(b"not a catalog")
    victim = next(path for path in parquet_files(files_dir(lake)) if "okx" in str(path))
    spoil(victim)
    done = bring_back(lake, target, begin=quietly)
    assert fingerprints(lake) == was
    assert (done.files_copied, done.files_unknown) == (1, 1)
    assert done.kept is not None
    assert Path(done.kept).read_bytes() == b"not a catalog"


def test_what_cannot_be_backed_up_is_refused_in_words(
    lake: Settings, target: Path, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match="lies in the lake itself"):
        backed_up(lake, lake.lake_dir / "backups")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(BackupError, match="something else than backups"):
        backed_up(lake, tmp_path / "photos")
    with pytest.raises(LakeMissingError, match="there is no lake"):
        backed_up(Settings(data_dir=tmp_path / "nothing"), target)
    next(iter(parquet_files(files_dir(lake)))).unlink()
    with pytest.raises(FileLostError, match="1 files of the lake are gone"):
        backed_up(lake, target)
    assert BackupFolder(target).names() == []


@pytest.mark.world
def test_a_full_disk_of_backups_leaves_those_before(lake: Settings, small_disk: Path) -> None:
    first = backed_up(lake, small_disk / "backups")
    write(lake, "gate", symbols=200)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 4096))
    with pytest.raises(LakeFullError, match="backups before are as they were"):
        backed_up(lake, small_disk / "backups")
    assert BackupFolder(small_disk / "backups").names() == [first.name]
    filler.unlink()
    backed_up(lake, small_disk / "backups")


@pytest.fixture
def commands(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(lake.data_dir))
    return CliRunner()


def test_the_commands_tell_what_was_kept_and_brought_back(
    lake: Settings, target: Path, commands: CliRunner
) -> None:
    made = commands.invoke(main, ["backup", str(target)])
    assert made.exit_code == 0, made.output
    shutil.rmtree(lake.data_dir)
    back = commands.invoke(main, ["restore", str(target)])
    assert back.exit_code == 0, back.output
    rows = [line for line in made.output.splitlines() if "core." in line]
    assert rows
    assert rows == [line for line in back.output.splitlines() if "core." in line]
