"""A lake to ask, and secrets beside it."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data_dir=tmp_path_factory.mktemp("filled") / "data")
    with Lake(settings) as lake, lake.commit("run", "rates") as transaction:
        # Enough rows to leave DuckLake's inlining, so that Parquet files are read too.
        transaction.replace(FUNDING_RATES, rates(symbols=50, hours=24), january_of())
    return settings


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that are nobody's business."""
    folder = tmp_path_factory.mktemp("outside")
    for ending, text in {"txt": "secret", "csv": "a,b\n1,2\n", "json": '{"a": 1}'}.items():
        (folder / f"secret.{ending}").write_text(text)
    pl.DataFrame({"a": [1]}).write_parquet(folder / "secret.parquet")
    duckdb.connect(str(folder / "secret.duckdb")).close()
    return folder
