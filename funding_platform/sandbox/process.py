"""The sandbox in a process of its own, beside what collects from it.

A thread shares one core with the collector whose answers it makes. It ends with the process that
started it, whatever ends that.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from funding_platform.sandbox.errors import SandboxError
from funding_platform.sandbox.faults import Fault
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, running_sandbox

_START_SECONDS: Final = 120.0


@contextmanager
def sandbox_process(
    build: Callable[[], Market], faults: Iterable[Fault] = ()
) -> Iterator[RunningSandbox]:
    """Serve a market from a process of its own for as long as the context lasts.

    Parameters
    ----------
    build
        Makes the market, over there: a function that can be pickled.
    faults
        In force from the start.

    Raises
    ------
    SandboxError
        If the market cannot be made, or the server does not start.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(build, list(faults), theirs), name="sandbox", daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield _started(ours)
    finally:
        with suppress(OSError):  # it is gone already
            ours.send(None)
        ours.close()
        process.join()


def _started(pipe: Connection) -> RunningSandbox:
    try:
        said: RunningSandbox | SandboxError | None = (
            pipe.recv() if pipe.poll(_START_SECONDS) else None
        )
    except EOFError:
        said = None
    if isinstance(said, RunningSandbox):
        return said
    raise said or SandboxError("the sandbox did not start", hint="see above for the reason")


def _serve(build: Callable[[], Market], faults: list[Fault], pipe: Connection) -> None:
    """Serve until the pipe says so, or the process at its other end is gone."""
    try:
        with running_sandbox(build(), faults=faults) as sandbox:
            pipe.send(sandbox)
            pipe.poll(None)
    except SandboxError as error:
        pipe.send(error)
    except KeyboardInterrupt:  # meant for the process that started this one
        return
