"""A lake with opportunities that dbt found in a random market, shared by the tests of a session."""

import pytest

from funding_platform.settings import Settings
from funding_platform_tests.dbt.opportunities.pairs_market import fill
from funding_platform_tests.dbt.runner import run_dbt


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Every reason for and against a pair occurs in it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("live") / "data")
    fill(settings, seed=12)
    models = ("--select", "+opportunities_best", "fee_history")
    without = ("--exclude-resource-type", "test", "unit_test")
    outcome = run_dbt(settings, "build", *models, *without)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr
    return settings
