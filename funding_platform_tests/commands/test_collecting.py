"""The ``funding`` command where it collects: from a sandbox, into a data folder of its own."""

import fcntl
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import stamina

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.lake.connection import catalog_file
from funding_platform.sandbox.faults import Body, Status
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_names
from funding_platform_tests.command import explained, run, stored
from funding_platform_tests.present import PRESENT

MONTH = f"{PRESENT:%Y-%m}"
"""The running month."""

SYMBOLS = 3


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=SYMBOLS)) as running:
        yield running


@pytest.fixture
def fresh(
    sandbox: RunningSandbox, present: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A data folder with nothing in it and venues in the sandbox, by environment variables."""
    environment = {
        "FUNDING_DATA_DIR": str(tmp_path / "data"),
        "FUNDING_VENUE_URLS": json.dumps(sandbox.venue_urls),
        "FUNDING_RATE_LIMIT_SCALE": "1000",
        "DAGSTER_HOME": str(tmp_path),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with stamina.set_testing(True, attempts=2, cap=True):
        yield Settings()
    sandbox.clear()


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "SELECT 1"],
        ["coverage"],
        ["curves", "BTC"],
        ["opportunities"],
        ["publish"],
    ],
    ids=" ".join,
)
def test_without_a_lake_a_command_says_how_to_get_one(
    fresh: Settings, arguments: list[str]
) -> None:
    message = explained(run(*arguments))
    assert f"there is no lake at {fresh.lake_dir}" in message
    assert "hint: collect something first" in message
    assert not fresh.lake_dir.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "2999-01"], "has not begun"),
        (["--from", "2010-01"], "ends before its history starts"),
    ],
)
def test_a_month_without_history_is_explained(
    fresh: Settings, arguments: list[str], reason: str
) -> None:
    assert reason in explained(run("backfill", "binance", *arguments))


def test_before_the_transforms_the_marts_are_missed_by_name(fresh: Settings) -> None:
    assert run("collect", "okx").exit_code == 0
    for command in ("coverage", "opportunities"):
        assert "the marts have not been built yet" in explained(run(command))


@pytest.mark.world
def test_collect_stores_instruments_and_snapshots_of_all_venues(fresh: Settings) -> None:
    result = run("collect")
    assert result.exit_code == 0, result.output
    for table in (INSTRUMENTS, MARKET_SNAPSHOTS):
        counts = dict(
            stored(fresh, f"SELECT venue, count(*) FROM {table.full_name} GROUP BY venue")
        )
        counts.pop("coingecko", None)  # an aggregator shows the others' markets
        native = [venue for venue in venue_names() if venue != "coingecko"]
        assert counts == dict.fromkeys(native, SYMBOLS)
    statuses = stored(fresh, "SELECT DISTINCT status FROM core.collection_log")
    assert statuses == [("success",)]


def test_collect_asks_the_venues_of_the_settings(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_VENUES", "bybit, okx")
    assert run("collect").exit_code == 0
    assert set(stored(fresh, "SELECT venue FROM core.instruments")) == {("bybit",), ("okx",)}


@pytest.mark.world
def test_replay_takes_times_in_any_zone(fresh: Settings) -> None:
    assert run("collect", "okx").exit_code == 0
    tokyo = timezone(timedelta(hours=9))
    before = (datetime.now(tokyo) - timedelta(minutes=5)).isoformat()
    assert "okx" in run("replay", "--from", before).output
    assert "no recorded answers" in run("replay", "--to", before).output


@pytest.mark.parametrize("option", [("features", "--at"), ("replay", "--from"), ("replay", "--to")])
def test_a_time_that_is_none_is_explained(fresh: Settings, option: tuple[str, str]) -> None:
    result = run(*option, "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is not a time; write YYYY-MM-DD" in result.output


@pytest.mark.world
def test_collect_stores_the_others_when_a_venue_is_down(
    fresh: Settings, sandbox: RunningSandbox
) -> None:
    sandbox.inject(Status(status=418, venue="binance"), Body(action="html", venue="okx"))
    result = run("collect")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "HTTP 418, banned" in result.output
    assert "an HTML page" in result.output
    venues = {venue for (venue,) in stored(fresh, "SELECT venue FROM core.market_snapshots")}
    assert venues == set(venue_names()) - {"binance", "okx"}
    failed = stored(
        fresh, "SELECT DISTINCT venue, error_kind FROM core.collection_log WHERE status = 'failed'"
    )
    assert set(failed) == {("binance", "BannedError"), ("okx", "UndecodableError")}


def test_backfill_stores_a_month_and_says_how_complete_it_is(fresh: Settings) -> None:
    result = run("backfill", "okx", "hyperliquid", "--from", MONTH)
    assert result.exit_code == 0, result.output
    for table in ("funding_rates", "price_candles"):
        sql = f"SELECT venue, count(*) FROM core.{table} GROUP BY venue"
        for venue, rows in stored(fresh, sql):
            row = rf"│ {venue} +│ {table} +│ +{SYMBOLS} │ +{rows} │"
            assert re.search(row, result.output), result.output


@pytest.mark.world
def test_backfill_of_other_datasets(fresh: Settings) -> None:
    asked = ("--dataset", "spot_candles", "--dataset", "open_interest")
    result = run("backfill", "okx", "--from", MONTH, *asked)
    assert result.exit_code == 0, result.output
    assert stored(fresh, "SELECT count(*) > 0 FROM core.spot_candles") == [(True,)]
    assert stored(fresh, "SELECT count(*) > 0 FROM core.open_interest") == [(True,)]
    assert stored(fresh, "SELECT count(*) FROM core.funding_rates") == [(0,)]
    refused = run("backfill", "hyperliquid", "--from", MONTH, "--dataset", "open_interest")
    assert "offers no open_interest" in explained(refused)


@pytest.mark.world
def test_backfill_goes_on_when_a_venue_is_down(fresh: Settings, sandbox: RunningSandbox) -> None:
    sandbox.inject(Status(status=503, venue="binance"))
    result = run("backfill", "binance", "bybit", "--from", MONTH)
    assert "HTTP 503" in explained(result)
    assert stored(fresh, "SELECT DISTINCT venue FROM core.funding_rates") == [("bybit",)]
    sql = "SELECT DISTINCT venue, status FROM core.collection_log ORDER BY venue"
    assert stored(fresh, sql) == [("binance", "failed"), ("bybit", "success")]


@pytest.mark.world
def test_a_commit_that_waits_too_long_says_for_what(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("collect", "okx").exit_code == 0
    monkeypatch.setenv("FUNDING_LOCK_TIMEOUT_SECONDS", "0.2")
    with (fresh.lake_dir / "commit.lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # as `flock` in a backup script takes it
        message = explained(run("collect", "okx"))
    assert "another process has been committing for over 0.2 s" in message
    assert run("collect", "okx").exit_code == 0


HOLDS_THE_CATALOG = """
import sqlite3, sys
sqlite3.connect(sys.argv[1]).execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.world
def test_a_catalog_that_is_locked_from_outside_is_explained(fresh: Settings) -> None:
    assert run("collect", "okx").exit_code == 0
    browser = subprocess.Popen(
        [sys.executable, "-c", HOLDS_THE_CATALOG, str(catalog_file(fresh))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with browser:
        assert browser.stdout is not None
        assert browser.stdout.readline() == "held\n"
        message = explained(run("collect", "okx"))
    assert "the lake's catalog is locked by another process" in message
    assert run("collect", "okx").exit_code == 0


@pytest.mark.world
def test_backfill_leaves_out_what_an_earlier_one_has_proven(fresh: Settings) -> None:
    before, last = (f"{PRESENT.year}-{PRESENT.month - ago:02}" for ago in (2, 1))
    asked = ("backfill", "--venues", "okx, bybit", "--dataset", "funding_rates", "--to", last)
    assert run(*asked, "--from", last).exit_code == 0
    result = run(*asked, "--from", before, "--resume")
    assert result.exit_code == 0, result.output
    assert "okx funding_rates: 1 months were whole already" in result.output
    windows = stored(
        fresh,
        "SELECT venue, window_start, window_end - window_start < INTERVAL 40 DAY "
        "FROM core.collection_log ORDER BY ALL",
    )
    assert [(venue, short) for venue, _, short in windows] == [
        (venue, True) for venue in ("bybit", "bybit", "okx", "okx")
    ]
    refused = run(*asked, "okx", "--from", last)
    assert "not both" in refused.output
