"""A sandbox that streams at twenty times the pace, and whose market the test moves."""

from collections.abc import Iterator

import pytest

from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform_tests.sandbox.dialects.hearing import NOW_MS
from funding_platform_tests.sandbox.listening import PACE, HandClock, moving_market


@pytest.fixture(scope="package")
def clock() -> HandClock:
    return HandClock(NOW_MS)


@pytest.fixture(scope="package")
def serving(clock: HandClock) -> Iterator[RunningSandbox]:
    with running_sandbox(moving_market(clock), pace=PACE) as sandbox:
        yield sandbox


@pytest.fixture
def streaming(serving: RunningSandbox) -> Iterator[RunningSandbox]:
    yield serving
    serving.clear()
