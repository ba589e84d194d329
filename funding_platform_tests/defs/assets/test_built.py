"""What is shown of what dbt has built, over plain DuckDB databases."""

from collections.abc import Iterator

import dagster as dg
import duckdb
import pytest

from funding_platform.core.tables.marts.latest import COVERAGE
from funding_platform.core.tables.marts.statistics import FUNDING_RATES_RESAMPLED
from funding_platform.defs.assets.built import Reading, shown


@pytest.fixture
def reading() -> Iterator[Reading]:
    """A lake with a mart, and a build with a working table and two views."""
    with duckdb.connect() as lake, duckdb.connect() as build:
        lake.execute("CREATE SCHEMA marts")
        columns = ", ".join(f"{one.name} {one.type.value}" for one in COVERAGE.columns)
        lake.execute(f"CREATE TABLE {COVERAGE.full_name} ({columns})")
        lake.execute(
            f"INSERT INTO {COVERAGE.full_name} (venue, month, present, expected) VALUES "
            "('okx', '2026-03-01', 90, 93), ('okx', '2026-01-01', 93, 93)"
        )
        build.execute("CREATE SCHEMA staging")
        build.execute("CREATE SCHEMA intermediate")
        build.execute("CREATE TABLE intermediate.kept AS SELECT 0.5 AS rate FROM range(3)")
        build.execute("CREATE VIEW intermediate.looked AS FROM intermediate.kept")
        build.execute(
            "CREATE VIEW staging.fees AS SELECT 'okx' AS venue, 'infinity'::TIMESTAMPTZ AS until"
        )
        yield Reading.of(lake, build)


def key_of(key: str) -> dg.AssetKey:
    return dg.AssetKey(key.split("/"))


def test_a_mart_shows_rows_times_and_a_picture(reading: Reading) -> None:
    seen = shown(key_of("marts/coverage"), reading)
    assert seen["dagster/row_count"] == 2
    assert seen["first_time"].value < seen["last_time"].value
    assert "okx" in seen["preview"].value
    assert seen["coverage_by_month"].value.startswith("![coverage_by_month](data:image/png")


def test_a_working_table_is_counted_while_it_is_there(reading: Reading) -> None:
    seen = shown(key_of("intermediate/kept"), reading)
    assert seen["dagster/row_count"] == 3
    assert "0.5" in seen["preview"].value


def test_a_view_is_not_worked_out_to_be_counted(reading: Reading) -> None:
    assert FUNDING_RATES_RESAMPLED.view
    assert shown(key_of("marts/funding_rates_resampled"), reading) == {}
    assert shown(key_of("intermediate/looked"), reading) == {}


def test_a_time_without_end_is_shown_as_none(reading: Reading) -> None:
    seen = shown(key_of("staging/fees"), reading)
    assert seen.keys() == {"preview"}
    assert seen["preview"].value.splitlines()[-1] == "| okx | - |"
