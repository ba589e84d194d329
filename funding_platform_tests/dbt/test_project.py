"""The dbt project as a whole: types, repeatability, provenance, and that its tests can fail."""

import re
import shutil
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.tables.registry import TABLES
from funding_platform.core.tables.schema import Table
from funding_platform.devtools.documents import MARTS, SEEDS
from funding_platform.lake.errors import LakeMissingError, SchemaOutdatedError
from funding_platform.lake.marts.dbt_plugin import Plugin
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.conftest import Built
from funding_platform_tests.dbt.forked import PROJECT
from funding_platform_tests.dbt.runner import run_dbt

BUILT_BY_DBT = [*MARTS, *SEEDS]


@pytest.fixture
def copied(built: Built, tmp_path: Path) -> Settings:
    """The built lake, copied elsewhere, to be changed at will."""
    shutil.copytree(built.settings.data_dir, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data")


@pytest.mark.sampled(8)
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


def test_a_build_is_one_commit_that_names_its_run_and_what_it_brought(built: Built) -> None:
    commits = built.read("SELECT commit_message FROM lake.snapshots() WHERE author = 'run-2'")
    (message,) = commits["commit_message"]
    models = {path.stem for path in (PROJECT / "models").rglob("*.sql")}
    brought = message.removeprefix("run-2: dbt built ").split(", ")
    assert {name.partition(".")[2] for name in brought} == models | {seed.name for seed in SEEDS}


@pytest.mark.world
def test_working_tables_are_queries_in_the_lake(built: Built) -> None:
    stored = built.read(
        "SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() "
        "WHERE database_name = 'lake'"
    )["name"]
    assert set(stored) <= set(TABLES)
    assert built.read("FROM intermediate.int_opportunities").height > 0


@pytest.mark.world
def test_a_second_build_changes_nothing_and_leaves_no_trace(built: Built, copied: Settings) -> None:
    before = set(PROJECT.rglob("*"))
    outcome = run_dbt(copied, "build", "--exclude-resource-type", "test", "unit_test")
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    assert set(PROJECT.rglob("*")) == before
    assert {path.name for path in copied.lake_dir.iterdir()} <= {
        "build.lock",
        "build.turnstile",
        "backup",
        "catalog.sqlite",
        "commit.lock",
        "commit.turnstile",
        "files",
    }
    with Lake(copied) as lake:
        for table in BUILT_BY_DBT:
            again = f"SELECT * FROM {table.full_name} ORDER BY ALL"
            # The order in which floats are added up is free.
            assert_frame_equal(lake.read(again), built.read(again), rel_tol=1e-12, abs_tol=1e-15)
        names = lake.read("SELECT table_name FROM information_schema.tables")["table_name"]
        assert not [name for name in names if "__" in name]
        changed = lake.read(
            "SELECT unnest(map_keys(changes)) AS kind FROM lake.snapshots() "
            "WHERE snapshot_id = (SELECT max(snapshot_id) FROM lake.snapshots())"
        )["kind"]
    # Rows alone: a build that changes nothing else adds nothing else to the catalog.
    assert set(changed) <= {"tables_inserted_into", "tables_deleted_from", *INLINED}


INLINED = ("inlined_insert", "inlined_delete")


def with_column(folder: Path, column: str, otherwise: str) -> Path:
    """The project, copied, with a mart that works one of its columns out otherwise."""
    project = shutil.copytree(PROJECT, folder / "project", ignore=shutil.ignore_patterns("target"))
    model = project / "models" / "marts" / "latest_funding_rates.sql"
    sql = model.read_text(encoding="utf-8")
    model.write_text(sql.replace(f"instruments.{column},", f"{otherwise},"))
    return project


@pytest.mark.world
@pytest.mark.parametrize(
    ("column", "otherwise", "reason"),
    [
        ("quote", "instruments.quote as paid_in", "paid_in"),
        ("base", "nullif(instruments.base, 'BTC') as base", "NOT NULL constraint"),
    ],
    ids=["column", "constraint"],
)
def test_a_mart_that_breaks_its_contract_leaves_the_former_one(
    built: Built, copied: Settings, tmp_path: Path, column: str, otherwise: str, reason: str
) -> None:
    project = with_column(tmp_path, column, otherwise)
    mart = "latest_funding_rates"
    # The views before it are sound, and stay as they were too.
    selected = ("--select", f"+{mart}")
    outcome = run_dbt(copied, "run", *selected, run_id="run-3", project=project)
    assert outcome.returncode == 1, outcome.stdout[-3000:]
    assert reason in outcome.stdout
    every_row = f"SELECT * FROM marts.{mart} ORDER BY ALL"
    with Lake(copied) as lake:
        assert_frame_equal(lake.read(every_row), built.read(every_row))
        commits = lake.read("SELECT commit_message FROM lake.snapshots() WHERE author = 'run-3'")
    assert commits.is_empty()


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
    "resampled_funding_adds_up": (
        "CREATE OR REPLACE VIEW marts.funding_rates_resampled AS SELECT venue, venue_symbol, "
        "24 AS resolution_hours, 8 * funding_rate AS funding_rate, 1 AS settlements "
        "FROM core.funding_rates"
    ),
    "statistics_count_every_settlement": (
        "UPDATE marts.funding_rate_stats SET settlements = settlements + 1"
    ),
}
"""What makes each singular test fail."""

BROKEN_RULES = {
    ("venue_health_as_declared", "venue"): (
        "is there more than once",
        "INSERT INTO marts.venue_health SELECT * FROM marts.venue_health WHERE venue = 'okx'",
    ),
    ("fee_schedules_as_declared", "taker_bps"): (
        "is outside 0.0..100.0",
        "UPDATE core.fee_schedules SET taker_bps = 101 WHERE venue IN ('okx', 'aster')",
    ),
    ("fee_schedules_as_declared", "maker_bps"): (
        "is outside -10.0..100.0",
        "UPDATE core.fee_schedules SET maker_bps = -11 WHERE venue IN ('okx', 'aster')",
    ),
    ("fee_schedules_as_declared", "min_volume_30d_usd"): (
        "is outside 0.0..",
        "UPDATE core.fee_schedules SET min_volume_30d_usd = 'nan' WHERE venue IN ('okx', 'aster')",
    ),
    ("instruments_as_declared", "status"): (
        "is none of trading, halted, delisted, unknown",
        "UPDATE core.instruments SET status = 'asleep' WHERE venue = 'lighter' AND base <> 'BTC'",
    ),
}
"""Test and column of a broken rule: which it is, and what breaks it in two rows."""


@pytest.fixture(scope="module")
def corrupted(built: Built, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What dbt says of a lake in which all of the above was done."""
    folder = tmp_path_factory.mktemp("corrupted")
    shutil.copytree(built.settings.data_dir, folder / "data")
    settings = Settings(data_dir=folder / "data")
    with Lake(settings) as lake:
        for statement in [*CORRUPTIONS.values(), *(how for _, how in BROKEN_RULES.values())]:
            lake.connection.execute(statement)
    declared = {test for test, _ in BROKEN_RULES}
    outcome = run_dbt(settings, "test", "--select", "test_type:singular", *declared)
    assert outcome.returncode == 1, outcome.stdout[-3000:]
    return outcome.stdout


def test_every_singular_test_can_fail(corrupted: str) -> None:
    failed = {test for test in CORRUPTIONS if f"Failure in test {test} " in corrupted}
    assert failed == set(CORRUPTIONS), corrupted[-4000:]
    assert {path.stem for path in (PROJECT / "tests").glob("*.sql")} == failed


def test_a_broken_declaration_tells_column_rule_rows_and_an_example(corrupted: str) -> None:
    told = re.findall(
        r"(\w+_as_declared): column_name=(\w+), broken_rule=(.+?), broken_rows=(\d+), "
        r"example=(.+?), example_key={'venue': (\w+)",
        corrupted,
    )
    found = {(test, column): (rule, int(rows)) for test, column, rule, rows, *_ in told}
    assert found == {broken: (rule, 2) for broken, (rule, _) in BROKEN_RULES.items()}
    examples = {(test, column): (value, key) for test, column, _, _, value, key in told}
    assert examples["venue_health_as_declared", "venue"] == ("2 times", "okx")
    assert examples["fee_schedules_as_declared", "min_volume_30d_usd"][0] == "nan"
    assert examples["instruments_as_declared", "status"] == ("asleep", "lighter")


def test_a_failed_declaration_counts_the_rows_that_break_it(corrupted: str) -> None:
    counts = dict(
        re.findall(r"Failure in test (\w+_as_declared) .*?\n.*?Got (\d+) results?", corrupted)
    )
    rows = Counter(test for test, _ in BROKEN_RULES)
    assert counts == {test: str(2 * rules) for test, rules in rows.items()}


def test_dbt_creates_no_lake_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    plugin = Plugin("dbt_plugin", {})
    with duckdb.connect() as connection, pytest.raises(LakeMissingError, match=str(tmp_path)):
        plugin.configure_connection(connection)
    assert not list(tmp_path.iterdir())


@pytest.mark.world
def test_dbt_by_hand_refuses_a_lake_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path)
    with Lake(settings) as lake:
        lake.connection.execute("ALTER TABLE core.collection_log DROP COLUMN breaker_state")
    monkeypatch.setenv("FUNDING_DATA_DIR", str(settings.data_dir))
    plugin = Plugin("dbt_plugin", {})
    with (
        duckdb.connect() as connection,
        pytest.raises(SchemaOutdatedError, match="breaker_state"),
    ):
        plugin.configure_connection(connection)
