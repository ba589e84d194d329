"""Requests to end, SIGINT and SIGTERM: none is lost, whatever the code that they come upon does."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_ENDING = frozenset({signal.SIGINT, signal.SIGTERM})

_INTERRUPTS = frozenset({"KeyboardInterrupt", "DagsterExecutionInterruptedError"})
"""What handlers raise, by name: this is no place to import Dagster."""

_AGAIN_SECONDS = 0.05
"""Until an interrupt comes again: what dropped it has returned by then."""


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl-C does, so that no process is left behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interrupts_noticed() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether the process was asked to end since, whoever took it to himself.

    Python writes down each signal before a handler sees it: that holds where a library replaces the
    handlers and makes something else of what they raise. In a thread that is not the main one,
    which signals never come upon, the answer is no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    came: set[int] = set()

    def was_asked_to_end() -> bool:
        with suppress(BlockingIOError):  # nothing new
            came.update(os.read(reader, 65536))
        return bool(came & _ENDING)

    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield was_asked_to_end
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


def give_dropped_interrupts_again() -> None:
    """Have an interrupt that Python drops come again, from now on.

    A handler runs between any two steps of the main thread. Where those are of a finaliser, which
    may raise nothing, Python says "Exception ignored" and goes on as if nobody had asked to end.
    """
    if not isinstance(sys.unraisablehook, _Again):
        sys.unraisablehook = _Again(sys.unraisablehook)


@dataclass(frozen=True, slots=True)
class _Again:
    """Has dropped interrupts come again, and whoever was told before be told of all else."""

    tell: Callable[["sys.UnraisableHookArgs"], object]

    def __call__(self, dropped: "sys.UnraisableHookArgs") -> None:
        if dropped.exc_type.__name__ not in _INTERRUPTS:
            self.tell(dropped)
            return
        timer = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), _that_raises()))
        timer.daemon = True
        timer.start()


def _that_raises() -> signal.Signals:
    """Return the signal that whoever runs now has a handler for: SIGINT may be ignored."""
    return signal.SIGTERM if callable(signal.getsignal(signal.SIGTERM)) else signal.SIGINT
