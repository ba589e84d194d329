"""Locks on files: everyone has a turn, nobody waits for longer than was said, nothing is left."""

import fcntl
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from time import sleep

import pytest

from funding_platform.lake.file_lock import let_go, take
from funding_platform.lake.locks import FileCommitLock, commit_lock
from funding_platform.settings import Settings

WRITERS = 4
TURNS = 25
LONG = 60.0

FORKS_AND_DIES = """
import os, sys
from pathlib import Path
from time import sleep
from funding_platform.lake.file_lock import take
take(Path(sys.argv[1]), 1.0)
if os.fork():
    os._exit(0)
sys.stdin.read()
"""


def waiters() -> list[threading.Thread]:
    """Threads that wait in the kernel for a lock."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("lock ")]


def until_there_are(number: int) -> None:
    while len(waiters()) < number:
        sleep(0.001)


def end_of_waiters() -> None:
    """Wait until every thread that waited for a lock has let go of it."""
    for thread in waiters():
        thread.join(LONG)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def until_the_next_one_waits_at(path: Path) -> None:
    """Return when somebody has passed the turnstile of a lock that this thread holds."""
    with path.with_suffix(".turnstile").open() as turnstile:
        while True:
            try:
                fcntl.flock(turnstile, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(turnstile, fcntl.LOCK_UN)
            sleep(0.001)


def test_four_that_ask_again_at_once_take_turns(tmp_path: Path) -> None:
    """When the first is done, each of the others has had a good part of its turns.

    Each holds the lock for as long as a commit does: until the next one waits for it.
    """
    path = tmp_path / "x.lock"
    turns: list[int] = []

    def write(number: int) -> None:
        for _ in range(TURNS):
            held = take(path, LONG)
            turns.append(number)
            if any(turns.count(other) < TURNS for other in range(WRITERS) if other != number):
                until_the_next_one_waits_at(path)
            let_go(held)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Counter(turns) == dict.fromkeys(range(WRITERS), TURNS)
    first_done = min(len(turns) - turns[::-1].index(number) for number in range(WRITERS))
    had = Counter(turns[:first_done])
    assert min(had[number] for number in range(WRITERS)) > TURNS // 5


def test_who_gave_up_lets_go_when_the_turn_comes(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    before = descriptors()
    held = take(path, 0.0)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            take(path, 0.0)
    let_go(held)
    let_go(take(path, LONG))
    end_of_waiters()
    assert descriptors() == before


def test_a_file_that_was_deleted_while_it_was_waited_for_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    held = take(path, 0.0)
    taken: list[int] = []
    waiter = threading.Thread(target=lambda: taken.append(take(path, LONG)))
    waiter.start()
    until_there_are(1)
    path.unlink()
    let_go(held)
    waiter.join()
    with pytest.raises(TimeoutError):
        take(path, 0.0)
    let_go(taken[0])
    end_of_waiters()


def test_the_child_of_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    parent = subprocess.Popen(
        [sys.executable, "-c", FORKS_AND_DIES, str(path)], stdin=subprocess.PIPE
    )
    assert parent.stdin is not None
    with parent.stdin:  # the child lives until this is closed
        assert parent.wait() == 0
        let_go(take(path, LONG))


def test_the_holder_of_the_commit_lock_can_take_it_again(settings: Settings) -> None:
    with commit_lock(settings) as lock:
        assert isinstance(lock, FileCommitLock)
        with commit_lock(settings) as again:
            assert again is lock
        others: list[object] = []
        other = threading.Thread(target=lambda: others.append(commit_lock(settings)))
        other.start()
        other.join()
        assert others[0] is not lock
        with pytest.raises(TimeoutError):
            take(lock.path, 0.0)
    let_go(take(lock.path, LONG))
    end_of_waiters()
