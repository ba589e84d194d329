"""Fixtures that several packages' tests share."""

import shutil
from pathlib import Path

import pytest

from funding_platform.lake.connection import connect
from funding_platform.settings import Settings
from funding_platform_tests.checkout import Checkout, make_checkout

TOGETHER = {"checkout": "checkout", "replayed": "replayed", "definitions": "dbt", "built": "dbt"}
"""What takes long to make, and the name under which tests that need it run one after another."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Side by side run files, but not those that share a costly fixture, nor two that build with
    dbt in this tree: what it compiles there is one folder."""
    for item in items:
        needs = [TOGETHER[name] for name in item.fixturenames if name in TOGETHER]
        folder = item.path.parent.name
        group = "dbt" if folder in ("dbt", "defs") else next(iter(needs), str(item.path))
        item.add_marker(pytest.mark.xdist_group(group))


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
