"""A board of two venues, which the streams tell of."""

from typing import Any

import pytest

from funding_platform.settings import Settings
from funding_platform_tests.service.server import hand_out


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    """No lake, only a board."""
    chosen = Settings(data_dir=tmp_path, live=False)
    hand_out(chosen, 1e-4)
    return chosen
