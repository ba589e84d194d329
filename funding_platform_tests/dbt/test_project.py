"""The dbt project as a whole: types, repeatability, provenance, and that its tests can fail."""

import shutil
from pathlib import Path

import duckdb
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.schema import Table
from funding_platform.flows.documents import MARTS, SEEDS
from funding_platform.lake.dbt_plugin import Plugin
from funding_platform.lake.errors import LakeMissingError
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.conftest import Built
from funding_platform_tests.dbt.runner import PROJECT, run_dbt

BUILT_BY_DBT = [*MARTS, *SEEDS]


@pytest.fixture
def copied(built: Built, tmp_path: Path) -> Settings:
    """The built lake, copied elsewhere, to be changed at will."""
    shutil.copytree(built.settings.data_dir, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data")


@pytest.mark.parametrize("table", BUILT_BY_DBT, ids=lambda table: table.full_name)
def test_what_dbt_builds_is_as_declared(built: Built, table: Table) -> None:
    stored = built.read(f"DESCRIBE {table.full_name}").select("column_name", "column_type", "null")
    assert stored.rows() == [
        (column.name, column.type.value, "YES" if column.nullable else "NO")
        for column in table.columns
    ]
    assert built.read(f"SELECT * FROM {table.full_name}").schema == table.polars_schema


def test_the_marts_carry_their_documentation(built: Built) -> None:
    comments = built.read(
        "SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns() "
        "WHERE (database_name, schema_name) = ('lake', 'marts') "
        "AND table_name NOT IN (SELECT view_name FROM duckdb_views() WHERE schema_name = 'marts')"
    )
    assert set(comments.rows()) == {
        (table.full_name, column.name, column.documentation)
        for table in MARTS
        for column in table.columns
        if not table.view  # DuckLake has no comments on the columns of a view
    }


def test_every_table_leads_back_to_the_run_that_built_it(built: Built) -> None:
    named = built.read("SELECT commit_message FROM lake.snapshots() WHERE author = 'run-2'")
    expected = {f"run-2: dbt {table.full_name}" for table in BUILT_BY_DBT}
    assert expected <= set(named["commit_message"])


def test_a_second_build_changes_nothing_and_leaves_no_trace(built: Built, copied: Settings) -> None:
    before = set(PROJECT.rglob("*"))
    outcome = run_dbt(copied, "build", "--exclude-resource-type", "test", "unit_test")
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    assert set(PROJECT.rglob("*")) == before
    assert {path.name for path in copied.lake_dir.iterdir()} <= {
        "catalog.sqlite",
        "commit.lock",
        "files",
    }
    with Lake(copied) as lake:
        for table in BUILT_BY_DBT:
            again = f"SELECT * FROM {table.full_name} ORDER BY ALL"
            # The order in which floats are added up is free.
            assert_frame_equal(lake.read(again), built.read(again), rel_tol=1e-12, abs_tol=1e-15)
        names = lake.read("SELECT table_name FROM information_schema.tables")["table_name"]
        assert not [name for name in names if "__dbt" in name]


CORRUPTIONS = {
    "coverage_counts_every_settlement": (
        "DELETE FROM marts.coverage WHERE venue = 'okx' AND present > 0"
    ),
    "fee_schedules_have_a_base_tier": (
        "UPDATE core.fee_schedules SET tier = 'vip' WHERE venue = 'okx'"
    ),
    "opportunities_appear_one_way_round": (
        "INSERT INTO marts.opportunities BY NAME SELECT * REPLACE (short_venue AS long_venue, "
        "short_symbol AS long_symbol, long_venue AS short_venue, long_symbol AS short_symbol) "
        "FROM marts.opportunities"
    ),
    "opportunities_earn_funding": "UPDATE marts.opportunities SET divergence_8h = -1e-4",
    "opportunities_pair_two_venues": "UPDATE marts.opportunities SET short_venue = long_venue",
    "opportunities_count_no_unknown_as_zero": "UPDATE marts.opportunities SET cost_bps = NULL",
    "opportunities_state_their_reasons": "UPDATE marts.opportunities SET tier = 'actionable'",
    "opportunities_cover_every_pair": "DELETE FROM marts.opportunities WHERE base = 'ETH'",
    "opportunity_history_knows_now": "DELETE FROM marts.opportunity_history WHERE base = 'BTC'",
    "within_bounds_coverage_coverage__1_0__0_0": "UPDATE marts.coverage SET coverage = 1.5",
    "resampled_funding_adds_up": (
        "CREATE OR REPLACE VIEW marts.funding_rates_resampled AS SELECT venue, venue_symbol, "
        "24 AS resolution_hours, 8 * funding_rate AS funding_rate, 1 AS settlements "
        "FROM core.funding_rates"
    ),
    "statistics_count_every_settlement": (
        "UPDATE marts.funding_rate_stats SET settlements = settlements + 1"
    ),
    "unique_key_coverage_venue__venue_symbol__month": (
        "INSERT INTO marts.coverage FROM marts.coverage"
    ),
}


def test_every_singular_test_can_fail(copied: Settings) -> None:
    with Lake(copied) as lake:
        for statement in CORRUPTIONS.values():
            lake.connection.execute(statement)
    outcome = run_dbt(copied, "test", "--select", "test_type:singular", "coverage")
    assert outcome.returncode == 1
    failed = {test for test in CORRUPTIONS if f"Failure in test {test} " in outcome.stdout}
    assert failed == set(CORRUPTIONS), outcome.stdout[-4000:]
    assert {path.stem for path in (PROJECT / "tests").glob("*.sql")} <= failed


def test_dbt_creates_no_lake_of_its_own(tmp_path: Path) -> None:
    catalog = tmp_path / "lake" / "catalog.sqlite"
    plugin = Plugin("dbt_plugin", {"catalog": str(catalog)})
    with duckdb.connect() as connection, pytest.raises(LakeMissingError, match=str(tmp_path)):
        plugin.configure_connection(connection)
    assert not catalog.exists()
