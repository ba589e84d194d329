"""A store whose tables are there, to be copied: making them takes longer than most tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding_platform.execution import open_store
from funding_platform_tests.execution.world import World, copy_of


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that nothing has been written to."""
    file = tmp_path_factory.mktemp("store") / "empty.sqlite"
    open_store(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def world(empty_store: Path, tmp_path: Path) -> Iterator[World]:
    """Two venues and an executor, before the first reconciliation."""
    one = World(copy_of(empty_store, tmp_path))
    yield one
    one.store.close()
