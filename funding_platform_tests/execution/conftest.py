"""Stores whose tables are there, to be copied: making them takes longer than most tests."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from funding_platform.execution import open_store
from funding_platform_tests.execution.world import World, copy_of
from funding_platform_tests.servers.postgres import create_database, running

_NUMBERS = count()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that nothing has been written to."""
    file = tmp_path_factory.mktemp("store") / "empty.sqlite"
    open_store(f"sqlite:///{file}").close()
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Gives the URL of a database of its own, each time; its tables are there."""
    with running() as server:
        open_store(create_database(server, "empty")).close()
        yield lambda: create_database(server, f"store{next(_NUMBERS)}", "empty")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, empty_store: Path, tmp_path: Path) -> str:
    """The URL of a store without rows, in either database."""
    if request.param == "sqlite":
        return copy_of(empty_store, tmp_path)
    new: Callable[[], str] = request.getfixturevalue("postgres")
    return new()


@pytest.fixture
def world(empty_store: Path, tmp_path: Path) -> Iterator[World]:
    """Two venues and an executor, before the first reconciliation."""
    one = World(copy_of(empty_store, tmp_path))
    yield one
    one.store.close()
