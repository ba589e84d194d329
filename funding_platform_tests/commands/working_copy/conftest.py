"""The ``funding`` command, run inside the working copy in which the demo has run."""

import pytest

from funding_platform_tests.checkout import Checkout
from funding_platform_tests.command import Funding, run


@pytest.fixture
def funding(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Funding:
    """The command, run inside the working copy."""
    monkeypatch.chdir(checkout.root)
    for name in ("FUNDING_DATA_DIR", "FUNDING_VENUES", "FUNDING_VENUE_URLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(checkout.root / "data" / "dagster_home"))
    return run
