"""What the tests of all dialects do."""

from contextlib import AbstractContextManager
from typing import Any

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.listening import HandClock, Listener, moving_market

NOW_MS = to_ms(NOW)


def hurried(clock: HandClock, hours: float = 1.0) -> AbstractContextManager[RunningSandbox]:
    """A sandbox at the pace of so many hours a second."""
    return running_sandbox(moving_market(clock), pace=hours * 3_600.0)


def next_of(client: Listener, **wanted: Any) -> Any:
    """The next document that has these values; what comes before is of no interest."""
    while True:
        document = client.document()
        if all(document.get(name) == value for name, value in wanted.items()):
            return document
