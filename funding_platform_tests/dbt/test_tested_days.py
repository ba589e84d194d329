"""Data tests look at the days that changed since they passed, and find there what is wrong."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.lake.marts.build import marts_build
from funding_platform.lake.marts.dbt import run_dbt
from funding_platform.lake.marts.tested import TESTS, DaysToTest
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.conftest import Built
from funding_platform_tests.dbt.market import Row, frame_of
from funding_platform_tests.dbt.runner import artefacts_of

DAY = datetime(2025, 1, 20, tzinfo=UTC)
OF_RATES = [test for test, table in TESTS.items() if table is FUNDING_RATES]


def settlement(time: datetime) -> Row:
    return {
        "venue": "okx", "venue_symbol": "BTC", "funding_time": time, "venue_time": time,
        "funding_rate": 1e-4, "interval_hours": 8.0, "interval_inferred": False,
        "observed_at": DAY,
    }  # fmt: skip


def settle(settings: Settings, *rows: Row) -> None:
    with Lake(settings) as lake, lake.commit("collect", "late") as transaction:
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, [*rows]))


def to_look_at(settings: Settings) -> DaysToTest:
    with Lake(settings) as lake:
        ((newest,),) = lake.connection.execute(
            "SELECT max(snapshot_id) FROM lake.snapshots()"
        ).fetchall()
        return DaysToTest.of(lake.connection, settings, newest)


def note(settings: Settings) -> Path:
    return settings.lake_dir / "tested.json"


@pytest.fixture
def passed(built: Built, tmp_path: Path) -> Settings:
    """A lake with its marts, of which every test passed."""
    settings = Settings(data_dir=tmp_path / "data")
    shutil.copytree(built.settings.data_dir, settings.data_dir)
    shutil.copytree(artefacts_of(built.settings), artefacts_of(settings))
    assert to_look_at(settings).days == {}
    to_look_at(settings).remember((test, True) for test in (*TESTS, "unique_key_of_something"))
    assert to_look_at(settings).days == {test: [] for test in TESTS}
    return settings


def test_only_days_whose_rows_changed_are_looked_at(passed: Settings) -> None:
    settle(passed, settlement(DAY + 3 * HOUR))
    with Lake(passed) as lake, lake.commit("thin", "out"):
        lake.connection.execute("DELETE FROM core.market_snapshots WHERE venue = 'okx'")
    days = to_look_at(passed).days
    assert {test: days[test] for test in OF_RATES} == {test: [DAY] for test in OF_RATES}
    assert days["market_snapshots_as_declared"] == [datetime(2025, 3, 10, tzinfo=UTC)]
    assert days["price_candles_as_declared"] == []


def test_a_test_that_failed_looks_at_everything_until_it_passes(passed: Settings) -> None:
    test, other = OF_RATES[:2]
    to_look_at(passed).remember([(test, False), (other, True)])
    assert set(to_look_at(passed).days) == {*TESTS} - {test}
    to_look_at(passed).remember([(test, True)])
    assert set(to_look_at(passed).days) == {*TESTS}


@pytest.mark.parametrize("days", [-8, 1])
def test_each_looks_at_everything_once_in_seven_days(passed: Settings, days: int) -> None:
    found = json.loads(note(passed).read_bytes())
    test = OF_RATES[0]
    other_time = datetime.now(UTC) + timedelta(days=days)
    found["tests"][test]["whole_at"] = other_time.isoformat()
    note(passed).write_text(json.dumps(found))
    assert set(to_look_at(passed).days) == {*TESTS} - {test}
    to_look_at(passed).remember(
        [(OF_RATES[1], True)]
    )  # of some days alone: not everything was seen
    kept = json.loads(note(passed).read_bytes())["tests"]
    assert kept[OF_RATES[1]]["whole_at"] == found["tests"][OF_RATES[1]]["whole_at"]
    assert kept[OF_RATES[0]]["whole_at"] == other_time.isoformat()


@pytest.mark.parametrize(
    ("name", "value"), [("code", "of another version"), ("tests", None), ("tests", {"x": 1})]
)
def test_what_does_not_hold_is_not_built_upon(
    passed: Settings, name: str, value: str | dict[str, int] | None
) -> None:
    found = json.loads(note(passed).read_bytes())
    note(passed).write_text(json.dumps({**found, name: value}))
    assert to_look_at(passed).days == {}
    note(passed).write_text("{")
    assert to_look_at(passed).days == {}


@pytest.mark.parametrize("gone", [{"snapshot": 10**6}, {"committed": "2025-01-01T00:00:00+00:00"}])
def test_a_snapshot_that_is_another_or_gone_tells_nothing(
    passed: Settings, gone: dict[str, int | str]
) -> None:
    found = json.loads(note(passed).read_bytes())
    found["tests"][OF_RATES[0]] |= gone
    note(passed).write_text(json.dumps(found))
    assert set(to_look_at(passed).days) == {*TESTS} - {OF_RATES[0]}


@pytest.mark.world
def test_what_is_wrong_in_a_day_that_changed_is_found_there(passed: Settings) -> None:
    """Marts that were not built since lack what settled; what else is wrong with them waits."""
    settle(passed, settlement(DAY + 3 * HOUR))
    with Lake(passed) as lake, lake.commit("corrupt", "a rate, and another month"):
        lake.connection.execute(
            "UPDATE core.funding_rates SET funding_rate = 5 "
            "WHERE funding_time = TIMESTAMPTZ '2025-01-20 03:00:00+00' AND venue = 'okx'; "
            "DELETE FROM marts.coverage "
            "WHERE venue = 'binance' AND month < TIMESTAMPTZ '2025-01-01 00:00:00+00'"
        )
    target = passed.dbt_dir
    with marts_build(passed, history_depths()) as build:
        nodes = run_dbt(("test", "--select", *OF_RATES), build.environment(), target)
        build.tested.remember((node.name, node.status == "pass") for node in nodes)
        found = {node.name: node.status for node in nodes}
        (compiled,) = (target / "compiled").rglob("coverage_counts_every_settlement.sql")
        with build.connection() as connection:
            wrong = rows_of(connection, compiled.read_text(encoding="utf-8"))
    assert found == {
        "funding_rates_as_declared": "fail",
        "coverage_counts_every_settlement": "fail",
        "statistics_count_every_settlement": "fail",
        "resampled_funding_adds_up": "pass",
    }
    assert wrong == [("okx", "BTC", DAY.replace(day=1))]
    assert set(to_look_at(passed).days) & {*OF_RATES} == {"resampled_funding_adds_up"}


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT venue, venue_symbol, month FROM ({query})").fetchall()
