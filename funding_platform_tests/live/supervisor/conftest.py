"""A sandbox of all venues, for a module of tests at a time."""

from collections.abc import Iterator

import pytest

from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.venues.streams.plain import every_venue


@pytest.fixture(scope="module")
def serving() -> Iterator[RunningSandbox]:
    with every_venue(symbols=12) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(serving: RunningSandbox) -> Iterator[RunningSandbox]:
    yield serving
    serving.clear()
