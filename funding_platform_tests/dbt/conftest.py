"""One lake, built by the real dbt, shared by the tests of a session."""

import random
from dataclasses import dataclass
from subprocess import CompletedProcess

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import (
    History,
    histories,
    instruments,
    settlements,
    snapshots,
)
from funding_platform_tests.dbt.opportunities.pairs_market import fill
from funding_platform_tests.dbt.runner import run_dbt


@dataclass(frozen=True)
class Built:
    """A lake with its marts, and what was put in."""

    settings: Settings
    outcome: CompletedProcess[str]
    instruments: pl.DataFrame
    snapshots: pl.DataFrame
    histories: list[History]

    def read(self, sql: str) -> pl.DataFrame:
        """The answer of a query on the lake."""
        with connect(self.settings) as connection:
            return connection.execute(sql).pl()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    settings = Settings(data_dir=tmp_path_factory.mktemp("marts") / "data")
    dice = random.Random(20250310)
    listed, seen, past = instruments(), snapshots(dice), histories(dice)
    with Lake(settings) as lake, lake.commit("run-1", "a market") as transaction:
        transaction.append(INSTRUMENTS, listed)
        transaction.append(MARKET_SNAPSHOTS, seen)
        transaction.append(FUNDING_RATES, settlements(past))
    outcome = run_dbt(settings, "build", run_id="run-2")
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr
    return Built(settings, outcome, listed, seen, past)


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a random market, and the opportunities that dbt finds in it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("opportunities") / "data")
    fill(settings, seed=12)
    built = ("--select", "+opportunities_best", "--exclude-resource-type", "test", "unit_test")
    outcome = run_dbt(settings, "build", *built)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr
    return settings
