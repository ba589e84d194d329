"""A lake in a folder that cannot be written: read through copies of its catalog."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.errors import LakeMissingError
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import rates

FORKING = """
import os, sys, tempfile
from pathlib import Path
from funding_platform.lake import connect
from funding_platform.settings import Settings

folder, tempfile.tempdir = sys.argv[1:]
connect(Settings(data_dir=Path(folder))).close()
print(len(os.listdir(tempfile.tempdir)), flush=True)
if (child := os.fork()) == 0:
    sys.exit()
os.waitpid(child, 0)
print(len(os.listdir(tempfile.tempdir)))
"""


@pytest.fixture
def mounted(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The lake as it is seen by who has its folder read-only, from elsewhere."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    settings.data_dir.mkdir(exist_ok=True)
    for command in (["--bind", str(settings.data_dir)], ["-o", "remount,ro,bind"]):
        done = subprocess.run(["mount", *command, str(folder)], check=False, capture_output=True)
        if done.returncode:
            pytest.skip("mounting a folder read-only needs root")
    yield settings.model_copy(update={"data_dir": folder})
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def file(settings: Settings, venue: str) -> None:
    with Lake(settings) as lake, lake.commit("run", "more") as transaction:
        transaction.append(FUNDING_RATES, rates(venue, symbols=1, hours=4))


def counted(settings: Settings) -> int:
    with connect(settings) as lake:
        return len(lake.sql("FROM core.funding_rates").fetchall())


def test_there_is_one_copy_of_each_state_that_was_read(
    settings: Settings, mounted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    file(settings, "okx")
    assert [counted(mounted) for _ in range(3)] == [4] * 3
    assert len(list(copies.iterdir())) == 1
    file(settings, "deribit")
    assert [counted(mounted) for _ in range(3)] == [8] * 3
    assert len(list(copies.iterdir())) == 2
    for copy in copies.iterdir():
        shutil.rmtree(copy)
    assert counted(mounted) == 8, "a copy that was cleared away is made again"


def test_a_copy_lies_there_until_its_own_process_ends_not_a_forked_one(
    settings: Settings, mounted: Settings, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    file(settings, "okx")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING, str(mounted.data_dir), str(copies)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["1", "1"], "before the fork, and after the child has ended"
    assert list(copies.iterdir()) == []


def test_a_lake_that_is_not_there_is_said_to_be_missing(mounted: Settings) -> None:
    with pytest.raises(LakeMissingError):
        counted(mounted)
