"""A build whose parent is killed while dbt works: it leaves nothing, and disturbs nobody."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.conftest import Built
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.waiting import until

pytestmark = pytest.mark.chaos

SPAWN = multiprocessing.get_context("spawn")
MODELS = ("build", "--exclude-resource-type", "test", "unit_test")
WRITERS = ("one", "two", "three", "four", "five")


def build(settings: Settings) -> None:
    run_dbt(settings, *MODELS, run_id="killed")


def write(settings: Settings, venue: str) -> None:
    for number in range(4):
        with Lake(settings) as lake, lake.commit(venue, "meanwhile") as transaction:
            frame = rates(venue, symbols=5, hours=24, rate=1e-5 * (number + 1))
            transaction.replace(FUNDING_RATES, frame, january_of(venue))


def dbt_of(parent: int) -> list[int]:
    """The dbt that a process started, while it is there."""
    found = ["pgrep", "-P", str(parent), "-f", "dbt.cli.main"]
    listed = subprocess.run(found, capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_build_leaves_the_marts_and_the_writers_alone(
    built: Built, tmp_path: Path
) -> None:
    shutil.copytree(built.settings.data_dir, tmp_path / "data")
    settings = Settings(data_dir=tmp_path / "data")
    with Lake(settings) as lake, lake.commit("collected", "one more venue") as transaction:
        transaction.replace(FUNDING_RATES, rates("one"), january_of("one"))
    parent = SPAWN.Process(target=build, args=(settings,))
    parent.start()
    assert parent.pid is not None
    killed = parent.pid
    written = settings.lake_dir / "build" / "lake.duckdb.wal"
    until(lambda: dbt_of(killed) and written.exists(), "a build that writes")
    dbt = dbt_of(killed)
    assert dbt
    writers = [SPAWN.Process(target=write, args=(settings, venue)) for venue in WRITERS]
    for writer in writers:
        writer.start()
    os.kill(killed, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in dbt), "dbt's end", 10)
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(writers)
    coverage = "SELECT * FROM marts.coverage ORDER BY ALL"
    with connect(settings) as found:
        assert found.execute(coverage).pl().equals(built.read(coverage))
        commits = found.execute("SELECT count(*) FROM lake.snapshots() WHERE author = 'killed'")
        assert commits.fetchone() == (0,)
    outcome = run_dbt(settings, *MODELS, run_id="next")
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    with connect(settings) as found:
        venues = found.execute("SELECT DISTINCT venue FROM marts.coverage").pl()["venue"]
    assert set(WRITERS) <= set(venues)
    assert not (settings.lake_dir / "build").exists()
