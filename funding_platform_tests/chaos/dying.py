"""The command ``funding``, in a process that may be told to die at a write of its store.

``python -m funding_platform_tests.chaos.dying [number moment] -- …`` kills itself before or after
the write of that number, with no chance to do anything; without them it counts its writes, and
prints how many there were.
"""

import atexit
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from funding_platform.cli import main as funding
from funding_platform.execution.store.store import Store
from funding_platform_tests.execution.crashes import Moment

COUNTED = "writes of the store:"


def main() -> None:
    death, told = _divided(sys.argv[1:])
    number, moment = (int(death[0]), Moment(death[1])) if death else (None, None)
    write, count = Store.step, 0

    @contextmanager
    def step(store: Store, name: str) -> Iterator[Connection]:
        nonlocal count
        here, count = count == number, count + 1
        if here and moment is Moment.BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        with write(store, name) as connection:
            yield connection
        if here and moment is Moment.AFTER:
            os.kill(os.getpid(), signal.SIGKILL)

    Store.step = step  # type: ignore[method-assign, assignment]
    atexit.register(lambda: print(COUNTED, count))
    funding(told)


def _divided(arguments: list[str]) -> tuple[list[str], list[str]]:
    cut = arguments.index("--")
    return arguments[:cut], arguments[cut + 1 :]


if __name__ == "__main__":
    main()
