"""A lake to import into."""

from pathlib import Path

import pytest

from funding_platform.settings import Settings


@pytest.fixture
def lake(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")
