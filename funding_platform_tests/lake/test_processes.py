"""Several processes on one lake: writers take turns, readers see whole partitions, kills heal."""

import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.errors import LakeLockedError
from funding_platform.lake.locks import FileCommitLock
from funding_platform.lake.recovery.backup import back_up
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.upkeep.vacuum import free_room
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates

SPAWN = multiprocessing.get_context("spawn")
COMMITS = 6
ROWS = 240


def write_often(settings: Settings, venue: str, failures: "multiprocessing.Queue[str]") -> None:
    try:
        with Lake(settings) as lake:
            for number in range(COMMITS):
                frame = rates(venue, symbols=10, hours=24, rate=1e-5 * (number + 1))
                with lake.commit(f"{venue}-{number}", "concurrent") as transaction:
                    transaction.replace(FUNDING_RATES, frame, january_of(venue))
    except Exception as error:
        failures.put(f"writer {venue}: {error!r}")
        raise


def read_often(
    settings: Settings,
    stop: "multiprocessing.synchronize.Event",
    failures: "multiprocessing.Queue[str]",
) -> None:
    try:
        while not stop.is_set():
            with connect(settings) as connection:
                seen = connection.sql(
                    "SELECT venue, count(*), count(DISTINCT funding_rate) "
                    "FROM core.funding_rates GROUP BY venue"
                ).fetchall()
            torn = [row for row in seen if row[1:] != (ROWS, 1)]
            if torn:
                failures.put(f"torn read: {torn}")
                return
    except Exception as error:
        failures.put(f"reader: {error!r}")
        raise


@pytest.mark.world
def test_four_writers_and_two_readers_beside_upkeep(settings: Settings, tmp_path: Path) -> None:
    Lake(settings).connection.close()
    failures: multiprocessing.Queue[str] = SPAWN.Queue()
    stop = SPAWN.Event()
    venues = ["binance", "bybit", "okx", "hyperliquid"]
    writers = [SPAWN.Process(target=write_often, args=(settings, v, failures)) for v in venues]
    readers = [SPAWN.Process(target=read_often, args=(settings, stop, failures)) for _ in range(2)]
    for process in (*writers, *readers):
        process.start()
    while any(process.is_alive() for process in writers):
        maintain(settings, keep_days=0)
        assert free_room(settings, give_back=0).fault is None
        back_up(settings, tmp_path / "backups", keep=1, begin=lambda *_: lambda: None)
    stop.set()
    for process in readers:
        process.join()
    found = [failures.get() for _ in iter(lambda: failures.empty(), True)]
    assert found == []
    assert [process.exitcode for process in (*writers, *readers)] == [0] * 6
    with connect(settings) as connection:
        rows = connection.sql(
            "SELECT venue, count(*), max(funding_rate) FROM core.funding_rates "
            "GROUP BY venue ORDER BY venue"
        ).fetchall()
    assert rows == [(venue, ROWS, pytest.approx(1e-5 * COMMITS)) for venue in sorted(venues)]


def stop_before_commit(settings: Settings, ready: "multiprocessing.synchronize.Event") -> None:
    with Lake(settings) as lake, lake.commit("doomed", "never") as transaction:
        transaction.replace(FUNDING_RATES, rates(rate=9e-4, symbols=50, hours=24), january_of())
        ready.set()
        time.sleep(60)


@pytest.mark.world
def test_a_killed_writer_leaves_the_lake_as_it_was(settings: Settings) -> None:
    with Lake(settings) as lake, lake.commit("good", "first") as transaction:
        transaction.replace(FUNDING_RATES, rates(), january_of())
    ready = SPAWN.Event()
    doomed = SPAWN.Process(target=stop_before_commit, args=(settings, ready))
    doomed.start()
    assert ready.wait(30)
    assert doomed.pid is not None
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join()
    with Lake(settings) as lake:
        assert lake.read("SELECT max(funding_rate) FROM core.funding_rates").item() == 1e-4
        with lake.commit("again", "second") as transaction:
            transaction.replace(FUNDING_RATES, rates(rate=2e-4), january_of())
        assert lake.read("SELECT count(*), max(funding_rate) FROM core.funding_rates").row(0) == (
            10,
            2e-4,
        )


def test_a_lock_that_is_never_released_is_a_typed_error(settings: Settings) -> None:
    impatient = Settings(data_dir=settings.data_dir, lock_timeout_seconds=0.2)
    with Lake(impatient) as lake:
        # A lock object of its own stands for another process.
        with (
            FileLock(FileCommitLock.of(impatient).path),
            pytest.raises(LakeLockedError, match=r"committing for over 0.2 s"),
            lake.commit("late", "never"),
        ):
            pytest.fail("the lock was not held")
        with lake.commit("later", "now free") as transaction:
            transaction.replace(FUNDING_RATES, rates(), january_of())
    with connect(settings, as_of=datetime.now(UTC)) as connection:
        assert connection.sql("SELECT count(*) FROM core.funding_rates").fetchone() == (10,)
