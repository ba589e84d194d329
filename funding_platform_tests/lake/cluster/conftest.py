"""A lake in PostgreSQL and S3 for each test; the servers are started once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding_platform.settings import Settings
from funding_platform_tests.servers.lakes import ClusterServers, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def servers() -> Iterator[ClusterServers]:
    with running() as started:
        yield started


@pytest.fixture
def cluster(servers: ClusterServers, tmp_path: Path) -> Settings:
    """A lake that is not there yet."""
    return servers.settings(tmp_path / "data", lock_timeout_seconds=900)
