"""A lake of opportunities whose every figure was worked out by hand-written formulas."""

from collections.abc import Iterator

import duckdb
import pytest

from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings
from funding_platform_tests.arbitrage.market import build_lake, some_facts


@pytest.fixture(scope="package")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """``some_facts`` in a DuckLake, opened to read."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("opportunities"))
    build_lake(settings, (OPPORTUNITIES, some_facts()))
    with connect(settings) as connection:
        yield connection
