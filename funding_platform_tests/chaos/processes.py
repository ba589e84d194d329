"""Processes of the tests' own: each leads a session, so that whatever it leaves behind is found.

A process that is killed cannot end its children. All of them still belong to its session, which is
how a test sees an orphan without knowing what the process had started.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil


def start(
    command: Sequence[str], folder: Path, logs: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a command as the leader of a session; what it prints goes to ``output.log``."""
    with (logs / "output.log").open("a") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def members(session: int) -> list[psutil.Process]:
    """Processes of a session that live."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the leader, and nothing else."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def kill_session(process: subprocess.Popen[Any]) -> None:
    """Kill the leader and everything that it has started, at once."""
    for member in members(process.pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(signal.SIGKILL)
    process.wait()
