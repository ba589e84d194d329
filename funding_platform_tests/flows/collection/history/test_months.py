"""Backfills from the sandbox into a real lake, in fair weather and foul."""

import json
import multiprocessing
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import Window, month_start, next_month
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.errors import (
    BeforeHistoryError,
    CollectionError,
    FutureWindowError,
)
from funding_platform.lake import connect
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    EmptyAnswerError,
    UnavailableError,
    UnknownVenueError,
)
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.flows.conftest import by_pager, settings_for
from funding_platform_tests.flows.markets import LossyMarket
from funding_platform_tests.present import PRESENT, at_present

LAST_MONTH = Window.of_month(month_start(PRESENT) - timedelta(days=1))
TWO_MONTHS = Window(month_start(LAST_MONTH.start - timedelta(days=1)), LAST_MONTH.end)
WITHOUT_OBSERVATION = "SELECT * EXCLUDE (observed_at) FROM core.funding_rates ORDER BY ALL"


def held(settings: Settings, sql: str = WITHOUT_OBSERVATION) -> pl.DataFrame:
    with connect(settings) as connection:
        return connection.execute(sql).pl()


EMPTY_PAGES = {
    "venue": "binance",
    "path": "/fapi/v1/fundingRate",
    "kind": "rows",
    "action": "drop_tail",
    "rows": 10_000,
}


def inject(sandbox: RunningSandbox, **fault: object) -> None:
    sandbox.inject(*parse_faults(json.dumps([fault])))


@pytest.mark.world
@pytest.mark.parametrize("venue", by_pager(offering(FUNDING_RATES, venue_names())))
def test_a_month_in_two_halves_is_the_month(
    settings: Settings, sandbox: RunningSandbox, tmp_path: Path, venue: str
) -> None:
    middle = LAST_MONTH.start + timedelta(days=13, hours=5)
    whole = collect_history(venue, LAST_MONTH, settings, "whole")
    halves = settings_for(sandbox, tmp_path / "halves")
    for part in (Window(LAST_MONTH.start, middle), Window(middle, LAST_MONTH.end)):
        collect_history(venue, part, halves, "half")
    assert whole.rows == held(settings).height > 0
    assert held(halves).equals(held(settings))


def test_the_report_says_what_times_it_spans_and_how_rates_were_distributed(
    settings: Settings,
) -> None:
    report = collect_history("bybit", TWO_MONTHS, settings, "one")
    stored = held(settings)
    times = stored["funding_time"]
    assert (report.first_time, report.last_time) == (times.min(), times.max())
    yearly = pl.col("funding_rate") * 8_760 / pl.col("interval_hours")
    by_day = stored.group_by(day=times.dt.date()).agg(median=yearly.median()).sort("day")
    assert report.daily["day"].to_list() == by_day["day"].to_list()
    assert report.daily["median"].to_list() == pytest.approx(by_day["median"].to_list())
    assert (report.daily["low"] <= report.daily["median"]).all()
    assert (report.daily["median"] <= report.daily["high"]).all()


def test_a_backfill_run_twice_changes_nothing(settings: Settings) -> None:
    first = collect_history("bybit", TWO_MONTHS, settings, "one")
    before = held(settings)
    second = collect_history("bybit", TWO_MONTHS, settings, "two")
    assert second.rows_by_month == first.rows_by_month
    assert held(settings).equals(before)


def test_the_log_says_who_collected_what(settings: Settings) -> None:
    report = collect_history("okx", LAST_MONTH, settings, "run-7")
    log = held(settings, "SELECT * FROM core.collection_log").row(0, named=True)
    assert (log["run_id"], log["venue"], log["dataset"], log["status"]) == (
        "run-7",
        "okx",
        "core.funding_rates",
        "partial" if report.missing else "success",
    )
    assert (log["rows_written"], log["requests"]) == (report.rows, report.requests)
    assert (log["error"] is None) == (not report.missing)


@pytest.mark.parametrize(
    ("window", "error"),
    [
        (Window.of_month(next_month(PRESENT)), FutureWindowError),
        (Window.of_month(datetime(2019, 1, 1, tzinfo=UTC)), BeforeHistoryError),
    ],
)
def test_months_that_cannot_exist(
    settings: Settings, window: Window, error: type[Exception]
) -> None:
    with pytest.raises(error, match="binance"):
        collect_history("binance", window, settings, "impossible")
    assert held(settings, "SELECT status FROM core.collection_log").rows() == [("failed",)]


def test_an_unknown_venue_is_named_with_the_known_ones(settings: Settings) -> None:
    with pytest.raises(UnknownVenueError, match=r"binancee(.|\n)*hyperliquid"):
        collect_history("binancee", LAST_MONTH, settings, "typo")


FOUL_WEATHER = [
    ({"kind": "status", "status": 503}, UnavailableError),
    ({"kind": "status", "status": 418, "retry_after": 120}, BannedError),
    ({"kind": "status", "status": 403}, BannedError),
    ({"kind": "body", "action": "html"}, UnavailableError),
    ({"kind": "body", "action": "truncate"}, UnavailableError),
    ({"kind": "field", "field": "fundingRate", "action": "rename"}, ContractError),
    ({"kind": "field", "field": "fundingRate", "action": "null"}, ContractError),
]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        *FOUL_WEATHER[:1],
        *(pytest.param(*one, marks=pytest.mark.world) for one in FOUL_WEATHER[1:-1]),
        *FOUL_WEATHER[-1:],
    ],
)
def test_a_venue_in_trouble_costs_nothing_that_is_stored(
    settings: Settings,
    sandbox: RunningSandbox,
    fault: dict[str, object],
    error: type[Exception],
) -> None:
    collect_history("binance", LAST_MONTH, settings, "good")
    before = held(settings)
    inject(sandbox, venue="binance", path="/fapi/v1/fundingRate", **fault)
    with pytest.raises((error, CollectionError)):
        collect_history("binance", LAST_MONTH, settings, "bad")
    assert held(settings).equals(before)
    status, text = held(
        settings, "SELECT status, error FROM core.collection_log WHERE run_id = 'bad'"
    ).row(0)
    assert status == "failed"
    assert "binance" in text
    sandbox.clear()
    shutil.rmtree(settings.state_dir)  # the ban has ended, the breaker has cooled down
    collect_history("binance", LAST_MONTH, settings, "good again")
    assert held(settings).equals(before)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "count": 3},
        {"kind": "status", "status": 429, "retry_after": 0, "count": 2},
        {"kind": "connection", "action": "reset", "count": 2},
        {"kind": "body", "action": "truncate", "count": 2},
        {"kind": "rows", "action": "duplicate", "rows": 5},
        {"kind": "rows", "action": "reverse"},
        {"kind": "rows", "action": "drop_tail", "rows": 7, "count": 3},
    ],
)
def test_passing_trouble_changes_no_row(
    settings: Settings, sandbox: RunningSandbox, tmp_path: Path, fault: dict[str, object]
) -> None:
    collect_history("hyperliquid", LAST_MONTH, settings, "undisturbed")
    inject(sandbox, venue="hyperliquid", path="/info#fundingHistory", **fault)
    disturbed = settings_for(sandbox, tmp_path / "disturbed")
    collect_history("hyperliquid", LAST_MONTH, disturbed, "disturbed")
    assert held(disturbed).equals(held(settings))


def test_a_symbol_that_fails_keeps_what_is_stored_of_it(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    collect_history("binance", LAST_MONTH, settings, "good")
    before = held(settings)
    # One symbol of four runs out of retries; which one depends on timing.
    inject(
        sandbox,
        venue="binance",
        path="/fapi/v1/fundingRate",
        kind="status",
        status=400,
        count=1,
    )
    report = collect_history("binance", LAST_MONTH, settings, "partial")
    assert len(report.failures) == 1
    assert held(settings).equals(before)
    status, failed = held(
        settings, "SELECT status, symbols_failed FROM core.collection_log WHERE run_id = 'partial'"
    ).row(0)
    assert (status, failed) == ("partial", list(report.failures))


def test_an_empty_answer_is_not_success(settings: Settings, sandbox: RunningSandbox) -> None:
    collect_history("binance", LAST_MONTH, settings, "good")
    before = held(settings)
    inject(sandbox, **EMPTY_PAGES)
    with pytest.raises(EmptyAnswerError, match="not one settlement of"):
        collect_history("binance", LAST_MONTH, settings, "empty")
    assert held(settings).equals(before)


def test_a_month_before_every_listing_is_an_error(settings: Settings) -> None:
    with pytest.raises(BeforeHistoryError):
        collect_history("okx", Window.of_month(datetime(2020, 1, 1, tzinfo=UTC)), settings, "early")


@pytest.fixture(scope="module")
def undisturbed(served: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Two months of a venue, collected in one go."""
    settings = settings_for(served, tmp_path_factory.mktemp("undisturbed"))
    with at_present():
        collect_history("hyperliquid", TWO_MONTHS, settings, "undisturbed")
    return held(settings)


def backfill_in_a_process(settings: Settings) -> None:
    with at_present():
        collect_history("hyperliquid", TWO_MONTHS, settings, "killed")


@pytest.mark.world
@pytest.mark.parametrize(
    "answers", [6, *(pytest.param(one, marks=pytest.mark.world) for one in (1, 12))]
)
def test_a_killed_backfill_run_again_equals_the_undisturbed_one(
    undisturbed: pl.DataFrame, lossy: Settings, market: LossyMarket, answers: int
) -> None:
    """Killed among its requests, or while it stores what they brought."""
    market.lose(None)
    victim = multiprocessing.get_context("spawn").Process(
        target=backfill_in_a_process, args=(lossy,)
    )
    victim.start()
    while victim.is_alive() and len(market.looks) < answers:
        time.sleep(0.01)
    victim.kill()
    victim.join()
    assert len(market.looks) >= answers
    collect_history("hyperliquid", TWO_MONTHS, lossy, "again")
    assert held(lossy).equals(undisturbed)
