"""A lake for the whole folder, and the service over it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, served


@pytest.fixture(scope="session")
def service(lake_settings: Settings) -> Iterator[Served]:
    """The service over it, without a live collector."""
    with served(lake_settings) as running:
        yield running


@pytest.fixture
def own_lake(lake_settings: Settings, tmp_path: Path) -> Settings:
    """A copy of the lake, to be changed at will."""
    shutil.copytree(lake_settings.data_dir, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data", live=False)
