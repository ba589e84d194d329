"""What the doctor finds: of a lake that ails in every way, of the disk, of Dagster's facts."""

import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    MARKET_SNAPSHOTS,
)
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.alerting.rounds import run_observed, send
from funding_platform.flows.doctor import DagsterFacts, Finding, examine
from funding_platform.flows.doctor.data import GROWN_OVER, forecast
from funding_platform.flows.doctor.orchestration import examine as judged
from funding_platform.flows.doctor.venues import reachable
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.telemetry.receiver import SECRET

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster has a home."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(home))


def rows(age: timedelta, *, failed: bool) -> dict[Table, list[dict[str, Any]]]:
    """A settlement, a snapshot and an attempt of that age."""
    at = NOW - age
    of = {"venue": "okx", "venue_symbol": "BTC", "observed_at": at}
    settled = {
        "funding_time": at,
        "funding_rate": 0.0,
        "interval_inferred": False,
        "venue_time": at,
    }
    hour = {"snapshot_hour": at.replace(minute=0), "next_funding_time": NOW + HOUR}
    attempt = {
        "run_id": "run",
        "venue": "okx",
        "dataset": "core.funding_rates",
        "started_at": at,
        "finished_at": at,
        "status": "failed" if failed else "success",
        "rows_written": 0,
        "error": "down",
        "window_start": NOW.replace(day=1),
    }
    return {
        FUNDING_RATES: [of | settled],
        MARKET_SNAPSHOTS: [of | hour],
        COLLECTION_LOG: [attempt],
    }


def found(folder: Path, age: timedelta, *, failed: bool) -> dict[str, Finding]:
    """What is found of a lake with rows of that age."""
    settings = Settings(data_dir=folder, venues=("okx",))
    with Lake(settings) as lake, lake.commit("run", "something") as transaction:
        for table, given in rows(age, failed=failed).items():
            transaction.append(table, frame_of(table, given))
    return {finding.name: finding for finding in examine(settings, NOW)}


def test_a_lake_that_is_well(tmp_path: Path) -> None:
    findings = found(tmp_path, HOUR, failed=False)
    assert [name for name, finding in findings.items() if not finding.well] == []
    assert findings["lake"].text == "1 settlements, the newest 1.0 hours old"
    assert findings["ages"].text == "2 assets are as recent as they should be"
    assert findings["roll"].text == "funding settles next at 2026-03-10 13:30 UTC, on okx"
    assert "too young to tell" in findings["forecast"].text
    assert findings["alerts"].text == "alerts go to log; none has been told yet"


def test_what_ails_is_named_with_a_remedy(tmp_path: Path) -> None:
    findings = found(tmp_path, timedelta(days=4), failed=True)
    assert {name for name, finding in findings.items() if not finding.well} == {
        "ages",
        "partitions",
    }
    assert findings["ages"].text == (
        "2 of 2 assets are out of date: core.funding_rates of okx 96.0 hours; "
        "core.market_snapshots of okx 96.0 hours"
    )
    assert findings["partitions"].text.startswith("core.funding_rates of okx, 2026-03: 1 attempts")
    assert all(finding.remedy for finding in findings.values() if not finding.well)


class Space(NamedTuple):
    """What the disk has, as `shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


def test_the_forecast_is_what_a_week_has_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path)
    with Lake(settings) as lake, lake.commit("run", "a file") as transaction:
        many = [
            {**rows(HOUR, failed=False)[FUNDING_RATES][0], "venue_symbol": f"S{number}"}
            for number in range(2_000)
        ]
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, many))
    now = datetime.now(UTC)  # commits bear the real time
    with connect(settings) as connection:
        assert "too young" in forecast(connection, settings, now).text
        assert "+0.0 MiB in a week" in forecast(connection, settings, now + 2 * GROWN_OVER).text
        later = now + GROWN_OVER - timedelta(seconds=1)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Space(1, 1, 1))
        outlook = forecast(connection, settings, later)
    if "too young" not in outlook.text:  # the lake was made within that second
        assert not outlook.well
        assert "the disk will do 0 days" in outlook.text


def test_alerts_that_do_not_get_out_are_said(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/canary"
        settings = Settings.model_validate(
            {"data_dir": tmp_path, "alert_webhook_url": url, "alert_webhook_secret": SECRET}
        )
        run_observed(settings, "transform", failed=True, text="no", now=NOW)
        send(settings)
        unheard = {one.name: one for one in examine(settings, NOW)}["alerts"]
    assert not unheard.well
    assert "webhook (1 messages wait: 127.0.0.1: ConnectError)" in unheard.text
    assert "canary" not in unheard.text


def test_venues_are_reached_over_a_real_socket(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        settings = Settings(data_dir=tmp_path, venues=("okx",), venue_urls={"okx": address})
        assert reachable(settings).well
    refused = reachable(settings)
    assert not refused.well
    assert refused.text.startswith("okx: no connection to 127.0.0.1: ")


def test_dagster_that_is_well() -> None:
    facts = DagsterFacts(
        heartbeats={"SENSOR": NOW - timedelta(seconds=40)},
        code_servers={"funding": None},
        last_runs={"transform": ("SUCCESS", NOW)},
        under_way=(("history of okx", NOW - timedelta(minutes=3)),),
        held_slots=(("venue_okx", "run-1"),),
    )
    never_started = DagsterFacts(code_servers={"funding": "does not answer (UNKNOWN)"})
    for given in (facts, DagsterFacts(), never_started):
        assert [finding.text for finding in judged(given, NOW) if not finding.well] == []
    texts = [finding.text for finding in judged(facts, NOW)]
    assert "1 runs are under way, the oldest for 3 min; no job's last run failed" in texts


def test_dagster_that_is_not_well() -> None:
    facts = DagsterFacts(
        heartbeats={"SENSOR": NOW, "SCHEDULER": NOW - HOUR},
        code_servers={"funding": "does not answer (UNKNOWN)"},
        last_runs={"transform": ("FAILURE", NOW), "history of okx": ("SUCCESS", NOW)},
        held_slots=(("venue_okx", "run-1"),),
        slots_of_ended_runs=(("venue_okx", "run-1"),),
        failed_checks=("fresh of raw/okx/funding_rates",),
    )
    ill = {finding.name: finding for finding in judged(facts, NOW) if not finding.well}
    assert set(ill) == {"daemon", "code_server", "runs", "slots", "checks"}
    assert all(finding.remedy for finding in ill.values())
    assert "the daemon (SCHEDULER) was alive last at 2026-03-10 11:30" in ill["daemon"].text
    assert "the last run failed of transform (2026-03-10 12:30 UTC)" in ill["runs"].text
    assert "venue_okx by run run-1" in ill["slots"].text
    assert ill["checks"].text == "1 asset checks have failed: fresh of raw/okx/funding_rates"
