"""A lake with a market, for backtests over it."""

from pathlib import Path

import pytest

from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.queries.trading.runs import StoredRun
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import drawn_market
from funding_platform_tests.flows.backtests.lakes import CONFIG, fill


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a market, which tests add runs to and change nothing else in."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("lake") / "data")
    fill(settings, drawn_market(3))
    return settings


@pytest.fixture(scope="module")
def stored(lake: Settings) -> StoredRun:
    return run_and_store(lake, CONFIG, name="first")


@pytest.fixture
def own_lake(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data")
    fill(settings, drawn_market(3))
    return settings
