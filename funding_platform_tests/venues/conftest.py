"""No test of the venues waits between retries, or shares its budgets and bans with another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from funding_platform.settings import Settings
from funding_platform.venues.rest.retries import ATTEMPTS


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def settings(_state_of_its_own: None) -> Settings:
    """Budgets out of the way, and time enough on a busy machine: a retry is one request more."""
    return Settings(rate_limit_scale=1_000, request_timeout_seconds=30)
