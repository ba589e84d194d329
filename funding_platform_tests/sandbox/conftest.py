"""One small synthetic sandbox that stands still, served over a real socket."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox

NOW = datetime(2026, 3, 1, 12, 34, 56, 789_000, tzinfo=UTC)


@pytest.fixture(scope="session")
def market() -> Market:
    return build_market(symbols=60, seed=11, now=NOW)


@pytest.fixture(scope="session")
def served(market: Market) -> Iterator[RunningSandbox]:
    with running_sandbox(market) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox) -> Iterator[RunningSandbox]:
    """The shared sandbox, well-behaved again after the test."""
    yield served
    served.clear()


@pytest.fixture
def client(served: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=60) as client:
        yield client
