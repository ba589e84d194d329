"""Keeping several processes running: one that ends is started again, or all end and say why."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from funding_platform.core.errors import FundingError
from funding_platform.core.system.interrupts import terminated_like_interrupted

QUICK_SECONDS: Final = 60.0
"""A process that ends sooner has not got over what ended it before."""

MOST_QUICK_ENDS: Final = 5
"""So many in a row, and starting it once more would not help."""

_LONGEST_PAUSE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.2
_TO_END_SECONDS: Final = 15.0
"""How long a process may take to end when it is asked to, before it is killed."""


class ServiceEndedError(FundingError):
    """A process keeps ending, however often it is started."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program to keep running.

    Parameters
    ----------
    name
        How people call it.
    command
        What starts it.
    is_ready
        Tells whether those after it may start.
    """

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool] = lambda: True


@dataclass(slots=True)
class Ends:
    """How often a process has ended soon after its start, in a row."""

    quick: int = 0

    def pause_after(self, lived: float) -> float | None:
        """Note that it ended, and return the seconds before its next start; None to give up."""
        self.quick = self.quick + 1 if lived < QUICK_SECONDS else 1
        if self.quick > MOST_QUICK_ENDS:
            return None
        return min(2.0 ** (self.quick - 1), _LONGEST_PAUSE_SECONDS)


@dataclass(slots=True)
class _Kept:
    """A service, its process, and when that began or is to begin."""

    service: Service
    environment: Mapping[str, str]
    tell: Callable[[str], None]
    ends: Ends = field(default_factory=Ends)
    process: subprocess.Popen[bytes] | None = None
    at: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen(self.service.command, env=self.environment)  # noqa: S603
        self.at = time.monotonic()

    def look(self) -> None:
        """Start what is due, and note what has ended."""
        if self.process is None:
            if time.monotonic() >= self.at:
                self.start()
            return
        status = self.process.poll()
        if status is None:
            return
        pause = self.ends.pause_after(time.monotonic() - self.at)
        if pause is None:
            raise ServiceEndedError(
                f"the {self.service.name} ended {self.ends.quick} times in a row, the last time "
                f"{_told(status)}",
                hint="what it printed above says why",
            )
        self.tell(f"the {self.service.name} ended {_told(status)}; it starts again in {pause:g} s")
        self.process, self.at = None, time.monotonic() + pause


def supervise(
    services: Sequence[Service], environment: Mapping[str, str], tell: Callable[[str], None]
) -> None:
    """Start services in order, and keep them running until interrupted or asked to terminate.

    Parameters
    ----------
    services
        Each is started once those before it are ready.
    environment
        That of all of them.
    tell
        Told of each end.

    Raises
    ------
    ServiceEndedError
        If one keeps ending. The others have ended then.
    """
    kept: list[_Kept] = []
    with terminated_like_interrupted():
        try:
            for service in services:
                kept.append(_Kept(service, environment, tell))
                while not _all_look(kept) or not service.is_ready():
                    time.sleep(_LOOK_SECONDS)
            while True:
                _all_look(kept)
                time.sleep(_LOOK_SECONDS)
        finally:
            _end([one.process for one in kept if one.process is not None])


def _all_look(kept: Sequence[_Kept]) -> bool:
    """Look after all services; return whether the newest runs."""
    for one in kept:
        one.look()
    return kept[-1].process is not None


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes, the newest first, and wait until they have."""
    for process in reversed(processes):
        process.terminate()
    deadline = time.monotonic() + _TO_END_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        process.kill()
        process.wait()


def _told(status: int) -> str:
    """Say how a process ended, by its status."""
    if status < 0:
        return f"by {signal.Signals(-status).name}"
    return f"with status {status}"


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in the Python that runs us."""
    return [sys.executable, "-m", module, *arguments]
