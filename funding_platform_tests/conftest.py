"""Fixtures that several packages' tests share."""

from pathlib import Path

import pytest

from funding_platform_tests.checkout import Checkout, make_checkout


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
