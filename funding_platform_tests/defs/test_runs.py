"""The real jobs on a real instance, a real lake and the sandbox over a real socket."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from funding_platform.core.time_grid import floor_hour, next_month
from funding_platform.defs.running.jobs import TRANSFORM, history_job_name
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.local.sandbox_run import SandboxRun, failed_checks
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_names
from funding_platform_tests.defs.sandboxed import count, served_by, world_in
from funding_platform_tests.present import PRESENT

VENUES = venue_names()
MONTHS = 2
SYMBOLS = 8


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=SYMBOLS)) as running:
        yield running


@pytest.fixture
def world(
    sandbox: RunningSandbox, definitions: dg.Definitions, present: None, tmp_path: Path
) -> Iterator[SandboxRun]:
    """An instance with the project's own settings, in a folder of its own."""
    with world_in(tmp_path, served_by(sandbox), definitions) as made:
        yield made
    sandbox.clear()


def step_errors(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        str(event.step_failure_data.error) for event in result.get_step_failure_events()
    )


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
