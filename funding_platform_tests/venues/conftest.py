"""No test of the venues waits between retries."""

from collections.abc import Iterator

import pytest
import stamina

from funding_platform.settings import Settings
from funding_platform.venues.http import ATTEMPTS


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


@pytest.fixture
def settings() -> Settings:
    """Budgets out of the way, and a short time limit."""
    return Settings(rate_limit_scale=1_000, request_timeout_seconds=0.5)
