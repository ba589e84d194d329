"""Fixtures that several packages' tests share."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from funding_platform.lake.connection import connect
from funding_platform.settings import Settings
from funding_platform_tests.checkout import Checkout, make_checkout

TOGETHER = {"dbt": "dbt", "defs": "dbt", "docs": "checkout", "test_cli.py": "checkout"}
"""Folders and files whose tests run in one process: they build with dbt in this tree, where what it
compiles is one folder, or share the working copy in which the demo has run."""


class ByNeed(LoadScopeScheduling):
    """Hands each process whole files, and together those that need one thing."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((TOGETHER[part] for part in file.split("/") if part in TOGETHER), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByNeed:
    """How tests are shared out where several processes run them."""
    return ByNeed(config, log)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real market data and recorded responses, kept beside the project and not part of it."""
    folder = Path(__file__).resolve().parents[1] / ".." / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder `shared` beside the project")
    return folder.resolve()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A working copy in which the demo has run; tests may add to what it stored."""
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def published_fees(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake in which dbt has built what it says of fees, and nobody has set any."""
    from funding_platform_tests.dbt.runner import run_dbt  # seconds, which few tests need

    settings = Settings(data_dir=tmp_path_factory.mktemp("fees") / "data")
    connect(settings, read_only=False).close()
    selected = ("--select", "+fee_history", "+int_base_fees")
    built = run_dbt(settings, "build", *selected, "--exclude-resource-type", "test", "unit_test")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    return settings


@pytest.fixture
def fee_lake(published_fees: Settings, tmp_path: Path) -> Settings:
    """A copy of that lake, to be changed at will."""
    shutil.copytree(published_fees.data_dir, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data")
