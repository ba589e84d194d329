"""Progress of long work, told to whoever listens.

A flow says what it has done; the command line draws bars, a Dagster run draws nothing. The
listener is a context variable, so that it reaches a flow through an orchestrator that knows
nothing of it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Receives the label and size of a piece of work and returns what to call at each step."""

    def __call__(self, label: str, total: int) -> Callable[[], None]:
        """Begin a bar of ``total`` steps; the result advances it by one."""


def _silent(label: str, total: int) -> Callable[[], None]:
    return lambda: None


_listener: ContextVar[Listener] = ContextVar("progress_listener", default=_silent)


@contextmanager
def reported_to(listener: Listener) -> Iterator[None]:
    """Send the progress of everything inside the block to ``listener``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def unreported() -> AbstractContextManager[None]:
    """Keep the progress inside the block to oneself: what is around it counts the work."""
    return reported_to(_silent)


@contextmanager
def step(label: str) -> Iterator[None]:
    """Announce work that cannot be counted: the block is its one step."""
    advance = begin(label, 1)
    yield
    advance()


def begin(label: str, total: int) -> Callable[[], None]:
    """Announce ``total`` steps of work; call the result after each."""
    return _listener.get()(label, total)
