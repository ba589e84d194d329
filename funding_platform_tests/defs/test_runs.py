"""The real jobs on a real instance, a real lake and the sandbox over a real socket."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import stamina
import time_machine

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.time_grid import floor_hour, month_start, next_month
from funding_platform.defs.assets.features import ONLY_CHANGED
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform.defs.running.jobs import TRANSFORM, history_job_name
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.local.sandbox_run import SandboxRun, failed_checks
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings, project_root
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.present import PRESENT

VENUES = venue_names()
WITH_HISTORY = offering(FUNDING_RATES, VENUES)
MONTHS = 2
SYMBOLS = 8

ROOM_OF_A_COLLECTION = 1_200_000
ROOM_OF_A_TRANSFORM = 800_000
"""Bytes that the records of a run of every hour take at most; docs/deploying.md adds them up."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=SYMBOLS)) as running:
        yield running


@pytest.fixture
def world(
    sandbox: RunningSandbox,
    definitions: dg.Definitions,
    present: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SandboxRun]:
    """An instance with the project's own settings, in a folder of its own."""
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FUNDING_VENUE_URLS", json.dumps(sandbox.venue_urls))
    monkeypatch.setenv("FUNDING_RATE_LIMIT_SCALE", "1000000")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shutil.copy(project_root() / "data" / "dagster_home" / "dagster.yaml", tmp_path)
    with (
        stamina.set_testing(True, attempts=3, cap=True),
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
    ):
        yield SandboxRun(definitions, instance)
    sandbox.clear()


def count(sql: str) -> int:
    with connect(Settings()) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


def sources_of(world: SandboxRun, asset: str, column: str) -> set[tuple[str, str]]:
    """Return what the lineage of a column's last materialisation names."""
    event = world.instance.get_latest_materialization_event(dg.AssetKey(asset.split("/")))
    assert event is not None
    assert event.asset_materialization is not None
    lineage = event.asset_materialization.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    return {
        (dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column[column]
    }


def lacking(world: SandboxRun, key: dg.AssetKey) -> set[str]:
    """Return what an asset that holds rows of its own does not show of those that came last."""
    event = world.instance.get_latest_materialization_event(key)
    table = TABLES.get(f"{'core' if key.path[0] == 'raw' else key.path[0]}.{key.path[-1]}")
    if event is None or event.asset_materialization is None or table is None or table.view:
        return set()
    rows = "rows" if table.schema == "backtest" else "preview"  # what it is, in a run's tables
    return {"dagster/row_count", rows} - event.asset_materialization.metadata.keys()


def room(home: Path) -> int:
    """Return how many bytes Dagster's records take: the pages that are in use of all its files."""
    taken = 0
    for file in (home / "history").rglob("*.db"):
        with closing(sqlite3.connect(file)) as connection:
            (size,), (pages,), (free,) = (
                connection.execute(f"PRAGMA {what}").fetchone()
                for what in ("page_size", "page_count", "freelist_count")
            )
        taken += size * (pages - free)
    return taken


def step_errors(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        str(event.step_failure_data.error) for event in result.get_step_failure_events()
    )


@pytest.mark.world
def test_the_records_of_an_hour_take_little_room(world: SandboxRun, tmp_path: Path) -> None:
    began = [world.collect(), world.backfill("okx", 1), world.transform(1)]
    month = f"{month_start(datetime.now(UTC)):{MONTH_KEY}}"
    before = room(tmp_path)
    collection = world.collect()
    between = room(tmp_path)
    transform = world.run(TRANSFORM, partition_key=month, tags={ONLY_CHANGED: "true"})
    after = room(tmp_path)
    assert all(result.success for result in (*began, collection, transform))
    assert between - before < ROOM_OF_A_COLLECTION
    assert after - between < ROOM_OF_A_TRANSFORM


@pytest.mark.world
def test_the_whole_world_from_wire_to_published_file(world: SandboxRun, tmp_path: Path) -> None:
    results = [
        world.collect(),
        *(world.backfill(venue, MONTHS) for venue in WITH_HISTORY),
        world.transform(MONTHS),
        world.backtest(),
    ]
    assert [result.success for result in results] == [True] * len(results)
    assert failed_checks(results) == []
    checks = [check for result in results for check in result.get_asset_check_evaluations()]
    assert len(checks) > 20 * len(VENUES) / 2
    for venue in WITH_HISTORY:
        keys = world.instance.get_materialized_partitions(
            dg.AssetKey(["raw", venue, "funding_rates"])
        )
        assert len(keys) == MONTHS
    assert count("SELECT count(*) FROM marts.opportunities") > 0
    assert count("SELECT count(DISTINCT venue) FROM features.curve_factors") == len(WITH_HISTORY)
    assert (tmp_path / "funding.duckdb").exists()
    for key in world.instance.all_asset_keys():
        assert not lacking(world, key), key
    assert sources_of(world, "staging/stg_funding_rates", "funding_rate") == {
        (f"raw/{venue}/funding_rates", "funding_rate") for venue in WITH_HISTORY
    }
    assert ("intermediate/int_opportunity_legs", "mark_price") in sources_of(
        world, "intermediate/int_opportunity_pairs", "price_gap_bps"
    )
    authors = {result.run_id for result in results}
    with connect(Settings()) as connection:
        named = {
            author
            for (author,) in connection.execute("SELECT author FROM lake.snapshots()").fetchall()
        }
    assert authors - {results[-1].run_id} <= named


@pytest.mark.world
def test_a_range_in_one_run_counts_each_partition_for_itself(world: SandboxRun) -> None:
    result = world.backfill("okx", MONTHS)
    materializations = result.asset_materializations_for_node("raw__okx__funding_rates")
    by_partition = {
        str(one.partition): one.metadata["dagster/partition_row_count"].value
        for one in materializations
    }
    with connect(Settings()) as connection:
        held = dict(
            connection.execute(
                "SELECT strftime(funding_time, '%Y-%m-01'), count(*) "
                "FROM core.funding_rates GROUP BY 1"
            ).fetchall()
        )
    assert by_partition == held
    assert len(held) == MONTHS


@pytest.mark.parametrize("hours_ago", [1, 24])
@pytest.mark.world
def test_a_snapshot_of_a_past_hour_fails_and_files_nothing(
    world: SandboxRun, hours_ago: int
) -> None:
    past = floor_hour(datetime.now(UTC)) - timedelta(hours=hours_ago)
    result = world.run("collect_hourly", partition_key=f"{past:%Y-%m-%d-%H:%M}")
    assert not result.success
    assert "PerishableError" in step_errors(result)
    assert not (Settings().lake_dir / "catalog.sqlite").exists()


@pytest.mark.world
def test_a_collection_that_the_end_of_the_hour_overtakes_is_of_the_next(world: SandboxRun) -> None:
    with time_machine.travel(datetime(2026, 10, 31, 23, 59, 59, 999_000, tzinfo=UTC).timestamp()):
        result = world.collect()
    assert result.success, step_errors(result)
    assert count("SELECT count(DISTINCT snapshot_hour) FROM core.market_snapshots") == 1
    assert count("SELECT hour(any_value(snapshot_hour)) FROM core.market_snapshots") == 0


@pytest.mark.world
def test_a_venue_that_is_down_costs_that_venue_only(
    world: SandboxRun, sandbox: RunningSandbox
) -> None:
    sandbox.inject(*parse_faults(json.dumps([{"kind": "status", "status": 503, "venue": "okx"}])))
    result = world.collect()
    assert result.success
    arrived = {
        event.asset_key.path[1]
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    assert arrived == set(VENUES) - {"okx"}
    failing = failed_checks([result])
    assert {line.split()[0] for line in failing} >= {
        "raw/okx/market_snapshots",
        "raw/okx/instruments",
    }
    assert all("okx" in line for line in failing)


@pytest.mark.world
def test_with_every_venue_down_the_run_fails(world: SandboxRun, sandbox: RunningSandbox) -> None:
    sandbox.inject(*parse_faults('[{"kind": "status", "status": 503}]'))
    assert not world.collect().success


HYPERLIQUID_HISTORY = dg.AssetKey(["raw", "hyperliquid", "funding_rates"])


@pytest.mark.parametrize("month", ["2018-12-01", f"{next_month(PRESENT):%Y-%m-%d}"])
def test_a_month_before_the_venue_or_after_this_one_is_no_partition(
    world: SandboxRun, month: str
) -> None:
    with pytest.raises(dg.DagsterUnknownPartitionError, match=month):
        world.run(
            history_job_name("hyperliquid"),
            partition_key=month,
            asset_selection=[HYPERLIQUID_HISTORY],
        )


@pytest.mark.world
def test_a_failed_dbt_test_shows_what_it_found_and_stops_nothing(world: SandboxRun) -> None:
    with Lake(Settings()) as lake:
        lake.connection.execute(
            "INSERT INTO core.instruments BY NAME SELECT 'okx' AS venue, venue_symbol, "
            "'BTC' AS base, 'USDT' AS quote, 1.0 AS multiplier, 'linear' AS contract_type, "
            "status, now() AS first_seen_at, now() AS last_seen_at FROM (VALUES "
            "('A', 'trading'), ('B', 'asleep'), ('C', 'asleep')) AS listed (venue_symbol, status)"
        )
    listed = dg.AssetKey(["staging", "stg_instruments"])
    published = dg.AssetKey(["published", "funding_duckdb"])
    result = world.run(TRANSFORM, asset_selection=[listed, published])
    assert result.success
    assert published in {event.asset_key for event in result.get_asset_materialization_events()}
    (check,) = (
        check
        for check in result.get_asset_check_evaluations()
        if check.check_name == "instruments_as_declared"
    )
    assert not check.passed
    header, _, row = str(check.metadata["found"].value).splitlines()
    found = dict(zip(cells(header), cells(row), strict=True))
    example_key = found.pop("example_key")
    assert found == {
        "column_name": "status",
        "broken_rule": "is none of trading, halted, delisted, unknown",
        "broken_rows": "2",
        "example": "asleep",
    }
    assert example_key in {f"{{'venue': okx, 'venue_symbol': {symbol}}}" for symbol in "BC"}


def cells(row: str) -> list[str]:
    """The cells of a row of a Markdown table, without what keeps text from being markup."""
    parts = re.split(r"(?<!\\)\|", row.strip("|"))
    return [re.sub(r"\\(\W|_)", r"\1", part.strip()) for part in parts]
