"""A lock on a file that processes and threads take turns at, with a time limit.

``flock`` itself has no time limit, and one that is tried again and again has no queue: whoever asks
at the right moment wins, and with four writers some waited for seconds. So whoever finds the lock
taken waits for it in the kernel, in a thread, which is left behind where time runs out. It lets go
of the lock at once when it gets it, and holds nothing up before.

Who lets go and asks again at once would still be first, before the one that is woken gets going.
Hence the turnstile, a lock before the lock: who waits for the lock holds it, the others wait there.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic

_DESCRIPTORS: set[int] = set()
"""Those of this process, held or waited for: a child that it forks must not hold them."""


def _close_in_child() -> None:
    for descriptor in _DESCRIPTORS:
        with suppress(OSError):
            os.close(descriptor)
    _DESCRIPTORS.clear()


os.register_at_fork(after_in_child=_close_in_child)


def take(path: Path, seconds: float) -> int:
    """Wait for the lock on a file, which is made if it is not there; return its descriptor.

    Raises
    ------
    TimeoutError
        If it is not free in time.
    OSError
        If the file cannot be made or opened.
    """
    until = monotonic() + seconds
    path.parent.mkdir(parents=True, exist_ok=True)
    turnstile = _taken(path.with_suffix(".turnstile"), until)
    try:
        return _taken(path, until)
    finally:
        let_go(turnstile)


def let_go(descriptor: int) -> None:
    """Let the next one in."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # for a child that was forked by others, too
    _close(descriptor)


def _taken(path: Path, until: float) -> int:
    while True:
        descriptor = _locked(path, until - monotonic())
        if os.fstat(descriptor).st_nlink:
            return descriptor
        let_go(descriptor)  # the file was deleted meanwhile: whoever comes next locks another


def _locked(path: Path, seconds: float) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    _DESCRIPTORS.add(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _Waiter(descriptor).wait(max(seconds, 0.0))
    except BaseException:
        _close(descriptor)
        raise
    return descriptor


def _close(descriptor: int) -> None:
    _DESCRIPTORS.discard(descriptor)
    os.close(descriptor)


class _Waiter(Thread):
    """Waits in the kernel's queue, and closes the descriptor if nobody wants the lock any more."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(name=f"lock {descriptor}", daemon=True)
        self._descriptor = descriptor
        self._deciding = Lock()
        self._ended = Event()
        self._wanted = True
        self._error: OSError | None = None

    def run(self) -> None:
        """Wait."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._deciding:
            self._ended.set()
            if not self._wanted:
                _close(self._descriptor)

    def wait(self, seconds: float) -> None:
        """Return when the lock is taken; on any error it is not, or not for long."""
        self.start()
        taken = False
        try:
            taken = self._ended.wait(seconds) and self._error is None
        finally:
            if not taken:
                self._give_up()
        if self._error is not None:
            raise self._error
        if not taken:
            raise TimeoutError

    def _give_up(self) -> None:
        with self._deciding:
            self._wanted = False
            if self._ended.is_set():
                _close(self._descriptor)
