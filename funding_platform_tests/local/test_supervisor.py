"""Processes that are kept running: small ones of the test's own."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from funding_platform.local import supervisor
from funding_platform.local.supervisor import (
    MOST_QUICK_ENDS,
    QUICK_SECONDS,
    Ends,
    Service,
    ServiceEndedError,
    supervise,
)

SLEEPS = "import time; time.sleep(600)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_pauses_double_and_begin_again_after_a_long_life() -> None:
    ends = Ends()
    assert [ends.pause_after(1) for _ in range(MOST_QUICK_ENDS + 1)] == [1, 2, 4, 8, 16, None]
    again = Ends(quick=4)
    assert again.pause_after(QUICK_SECONDS) == 1
    assert again.pause_after(0) == 2


def test_what_keeps_ending_ends_the_others_and_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "_LONGEST_PAUSE_SECONDS", 0.0)
    told: list[str] = []
    file = tmp_path / "pid"
    note = f"import os, pathlib; pathlib.Path({str(file)!r}).write_text(str(os.getpid())); "
    lives = Service("one that lives", python(note + SLEEPS), file.exists)
    fails = Service("one that fails", python("raise SystemExit(3)"))
    with pytest.raises(ServiceEndedError, match=r"one that fails ended 6 times.*with status 3"):
        supervise([lives, fails], dict(os.environ), told.append)
    assert len(told) == MOST_QUICK_ENDS
    assert not psutil.pid_exists(int(file.read_text()))


def test_what_is_killed_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(supervisor, "_LONGEST_PAUSE_SECONDS", 0.0)
    code = (
        "import os, pathlib, time; "
        f"pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch(); time.sleep(600)"
    )

    def pids() -> list[int]:
        return [int(one.name) for one in tmp_path.iterdir()]

    def kill_the_first_and_end() -> None:
        while not pids():
            time.sleep(0.01)
        os.kill(pids()[0], signal.SIGKILL)
        while len(pids()) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    told: list[str] = []
    killer = threading.Thread(target=kill_the_first_and_end)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        supervise([Service("one", python(code))], dict(os.environ), told.append)
    killer.join()
    assert told == ["the one ended by SIGKILL; it starts again in 0 s"]
    assert not any(psutil.pid_exists(pid) for pid in pids())


PARENT = """
import os, subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-m", "funding_platform.local.child", str(os.getpid()), "funding", "sandbox",
     "--port", "0", "--symbols", "1"],
    stderr=subprocess.PIPE,
)
child.stderr.readline()
print(child.pid, flush=True)
child.wait()
"""


def test_a_child_ends_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen(python(PARENT), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        assert child.status() != psutil.STATUS_ZOMBIE
        process.kill()
    child.wait()
