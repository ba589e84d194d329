"""The hourly collection: all venues at once, each for itself."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stamina

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.time_grid import floor_hour
from funding_platform.flows.collection.snapshots import (
    collect_instruments,
    collect_snapshots,
    require_running_hour,
)
from funding_platform.flows.errors import PerishableError
from funding_platform.lake import connect
from funding_platform.sandbox.faults import FieldFault, parse_faults
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import ContractError, ServerError, VenueTimeoutError
from funding_platform.venues.registry import breaker_record, offering, venue_names
from funding_platform_tests.flows.conftest import SYMBOLS

VENUES = venue_names()


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(sql).fetchall()


def test_all_venues_are_stored_with_their_hour(settings: Settings) -> None:
    before = floor_hour(datetime.now(UTC))
    collected = collect_snapshots(VENUES, settings, "run-1")
    assert {venue: one.attempt.status for venue, one in collected.items()} == dict.fromkeys(
        VENUES, "success"
    )
    found = rows(
        settings,
        "SELECT venue, count(*) = count(predicted_rate), min(snapshot_hour) "
        "FROM core.market_snapshots GROUP BY venue ORDER BY venue",
    )
    assert [venue for venue, *_ in found] == sorted(VENUES)
    assert all(complete for _, complete, _ in found)
    assert all(hour in (before, before + timedelta(hours=1)) for *_, hour in found)


def test_looking_twice_in_an_hour_keeps_the_last_look(settings: Settings) -> None:
    for _ in range(2):
        collect_snapshots(["okx"], settings, "again")
    doubled = rows(
        settings,
        "SELECT venue_symbol FROM core.market_snapshots GROUP BY venue_symbol, snapshot_hour "
        "HAVING count(*) > 1",
    )
    assert doubled == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 418, "retry_after": 60},
        {"kind": "body", "action": "html"},
        {"kind": "connection", "action": "reset"},
        {"kind": "field", "action": "null", "field": "fundingRate"},
    ],
)
def test_a_venue_that_is_down_costs_only_itself(
    settings: Settings, sandbox: RunningSandbox, fault: dict[str, object]
) -> None:
    sandbox.inject(*parse_faults(json.dumps([{"venue": "bybit", **fault}])))
    collected = collect_snapshots(VENUES, settings, "stormy")
    failed = [venue for venue, one in collected.items() if one.attempt.error]
    assert failed == ["bybit"]
    stored = {venue for (venue,) in rows(settings, "SELECT venue FROM core.market_snapshots")}
    assert stored == set(VENUES) - {"bybit"}
    log = dict(rows(settings, "SELECT venue, status FROM core.collection_log"))
    assert log == {venue: "failed" if venue == "bybit" else "success" for venue in VENUES}
    ((kind, text),) = rows(
        settings, "SELECT error_kind, error FROM core.collection_log WHERE status = 'failed'"
    )
    assert kind
    assert str(text).startswith("bybit")
    standing = dict(rows(settings, "SELECT venue, breaker_state FROM core.collection_log"))
    banned = "banned" if fault.get("status") == 418 else "closed"
    assert standing == {venue: banned if venue == "bybit" else "closed" for venue in VENUES}


def test_a_missing_side_dish_is_null_and_logged_as_partial(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    fault = {"venue": "binance", "path": "/fapi/v1/ticker/24hr", "kind": "status", "status": 503}
    sandbox.inject(*parse_faults(json.dumps([fault])))
    collected = collect_snapshots(["binance"], settings, "partial")
    assert collected["binance"].attempt.status == "partial"
    assert rows(
        settings,
        "SELECT count(volume_24h_usd), count(*) = count(mark_price) FROM core.market_snapshots",
    ) == [(0, True)]


def test_instruments_remember_when_they_were_first_seen(settings: Settings) -> None:
    for run in ("one", "two"):
        collect_instruments(VENUES, settings, run)
    ((instruments, remembered),) = rows(
        settings,
        "SELECT count(*), count(*) FILTER (first_seen_at < last_seen_at) FROM core.instruments",
    )
    assert instruments == remembered
    assert instruments >= SYMBOLS * len(offering(INSTRUMENTS, VENUES))


@pytest.mark.parametrize("hours", [-24, -1, 1])
def test_another_hour_than_the_running_one_is_refused(hours: int) -> None:
    now = datetime(2026, 3, 1, 10, 59, tzinfo=UTC)
    with pytest.raises(PerishableError, match="cannot be taken at 2026-03-01 10:59"):
        require_running_hour(floor_hour(now) + timedelta(hours=hours), now)
    require_running_hour(floor_hour(now), now)


def test_listings_in_seconds_are_not_stored(sandbox: RunningSandbox, settings: Settings) -> None:
    """They would lie in January 1970, and every settlement since would be missing."""
    fault = FieldFault(
        venue="binance", path="/fapi/v1/exchangeInfo", field="onboardDate", action="rescale_time"
    )
    sandbox.inject(fault)
    collected = collect_instruments(["binance", "bybit"], settings, "run")
    assert isinstance(collected["binance"].attempt.error, ContractError)
    assert "listed_at" in str(collected["binance"].attempt.error)
    assert rows(settings, "SELECT DISTINCT venue FROM core.instruments") == [("bybit",)]


def test_a_venue_that_is_cut_off_says_what_it_refused_with_and_each_time_counts(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    hurried = settings.model_copy(update={"snapshot_deadline_seconds": 4})
    sandbox.inject(*parse_faults('[{"kind": "status", "status": 503, "venue": "okx"}]'))
    with stamina.set_testing(False):  # whose pauses, as ever, take longer than the deadline
        for times in (1, 2):
            (one,) = collect_snapshots(["okx"], hurried, f"run-{times}").values()
            assert isinstance(one.attempt.error, ServerError)
            assert "HTTP 503" in one.attempt.error.message
            assert breaker_record("okx", hurried).failures == times


def test_a_venue_that_hangs_is_cut_off_without_a_refusal(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    hurried = settings.model_copy(update={"snapshot_deadline_seconds": 0.2})
    sandbox.inject(*parse_faults('[{"kind": "connection", "action": "hang", "venue": "okx"}]'))
    (one,) = collect_snapshots(["okx"], hurried, "run").values()
    assert isinstance(one.attempt.error, VenueTimeoutError)
    assert "had not answered in full after 0.2 s" in one.attempt.error.message
    assert breaker_record("okx", hurried).failures == 1
