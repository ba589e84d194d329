"""The file that processes share, and what becomes of us without it."""

import logging
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from funding_platform.settings import Settings
from funding_platform.venues.errors import BannedError
from funding_platform.venues.rest.breaker import Breaker
from funding_platform.venues.rest.state.files import FileState, state_file

SPAWN = get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "venue.sqlite"


def ban(state: FileState) -> None:
    Breaker("venue", state).ban(BannedError("shut out", venue="venue"))


def banned(state: FileState) -> bool:
    return Breaker("venue", state).record.ban is not None


@pytest.fixture
def state(path: Path) -> Iterator[FileState]:
    state = FileState(path)
    yield state
    state.close()


def test_what_is_written_is_there_for_the_next(path: Path, state: FileState) -> None:
    ban(state)
    later = FileState(path)
    assert banned(later)
    later.close()


def test_without_a_path_nothing_is_shared() -> None:
    ban(FileState())
    assert not banned(FileState())


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()


def torn(path: Path) -> None:
    state = FileState(path)
    ban(state)
    state.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no database at all" * 300),
        other_database,
        torn,
    ],
)
def test_a_broken_or_foreign_file_is_replaced_with_a_warning(
    path: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    spoil(path)
    with caplog.at_level(logging.WARNING):
        state = FileState(path)
    assert "is replaced" in caplog.text
    ban(state)
    state.close()
    caplog.clear()
    again = FileState(path)
    assert banned(again)
    assert caplog.text == ""
    again.close()


def test_where_nothing_can_be_written_the_state_is_our_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    state = FileState(tmp_path / "file" / "venue.sqlite")
    assert "limits are not shared" in caplog.text
    ban(state)
    assert banned(state)


def test_a_file_that_fails_in_the_middle_is_given_up(
    state: FileState, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    ban(state)
    blocker.close()
    assert "no longer shared" in caplog.text
    assert banned(state)
    assert state.place == "the memory of this process"


def write_until_killed(path: Path, begun: Any) -> None:
    state = FileState(path)
    while True:
        ban(state)
        begun.set()


def test_a_killed_process_leaves_the_file_whole_and_unlocked(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = SPAWN.Event()
    victim = SPAWN.Process(target=write_until_killed, args=(path, begun))
    victim.start()
    assert begun.wait(30)
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    state = FileState(path)
    assert banned(state)
    ban(state)
    assert caplog.text == ""
    state.close()


def open_and_ban(path: Path, go: Any, failures: Any) -> None:
    go.wait()
    state = FileState(path)
    ban(state)
    if state.place != str(path):
        failures.put(state.place)
    state.close()


@pytest.mark.world
def test_processes_that_begin_at_once_share_one_file(path: Path) -> None:
    go, failures = SPAWN.Event(), SPAWN.Queue()
    others = [SPAWN.Process(target=open_and_ban, args=(path, go, failures)) for _ in range(4)]
    for process in others:
        process.start()
    go.set()
    for process in others:
        process.join()
    assert [process.exitcode for process in others] == [0] * 4
    assert failures.empty()


def test_a_sandbox_in_place_of_a_venue_has_a_state_of_its_own(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    urls = ("https://fapi.binance.com", "http://127.0.0.1:8900/binance", "")
    names = [state_file(settings, "binance", url).name for url in urls]
    assert names == [
        "binance@fapi.binance.com.sqlite",
        "binance@127.0.0.1-8900.sqlite",
        "binance.sqlite",
    ]
