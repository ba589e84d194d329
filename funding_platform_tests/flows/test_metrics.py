"""What Prometheus reads: of a lake, of a machine, of Dagster; over a real socket."""

import re
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from funding_platform.core.tables.collected import COLLECTION_LOG, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.alerting.rounds import run_observed
from funding_platform.flows.doctor import DagsterFacts
from funding_platform.flows.live.latest import VENUES, VENUES_SCHEMA, LatestWriter
from funding_platform.flows.metrics import families
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings, project_root
from funding_platform.telemetry.metrics import exposition, serve
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.telemetry.receiver import SECRET

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)

Samples = dict[tuple[str, frozenset[str]], float]
"""By name and values of the labels."""

FACTS = DagsterFacts(
    heartbeats={"SENSOR": NOW - timedelta(seconds=40)},
    last_runs={"transform": ("FAILURE", NOW), "history of okx": ("SUCCESS", NOW)},
    under_way=(("history of okx", NOW),),
    held_slots=(("venue_okx", "1"), ("venue_okx", "2")),
    slots_of_ended_runs=(("venue_okx", "2"),),
    failed_checks=("fresh of raw/okx/funding_rates",),
)


def attempt(hours_ago: float, status: str, rows: int) -> dict[str, Any]:
    at = NOW - hours_ago * HOUR
    return {
        "run_id": f"{hours_ago}",
        "venue": "okx",
        "dataset": "core.market_snapshots",
        "started_at": at,
        "finished_at": at + timedelta(seconds=4),
        "status": status,
        "rows_written": rows,
        "requests": 2,
        "latency_ms": 250.0,
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    chosen = Settings.model_validate(
        {
            "data_dir": tmp_path_factory.mktemp("measured"),
            "venues": ("okx",),
            "alert_webhook_url": "http://localhost/canary",
            "alert_webhook_secret": SECRET,
        }
    )
    snapshot = {
        "venue": "okx",
        "venue_symbol": "BTC",
        "snapshot_hour": NOW.replace(minute=0),
        "observed_at": NOW - HOUR / 2,
    }
    log = [attempt(1, "success", 10), attempt(2, "failed", 0), attempt(30, "success", 99)]
    with Lake(chosen) as lake, lake.commit("run", "something") as transaction:
        transaction.append(COLLECTION_LOG, frame_of(COLLECTION_LOG, log))
        transaction.append(MARKET_SNAPSHOTS, frame_of(MARKET_SNAPSHOTS, [snapshot]))
    run_observed(chosen, "transform", failed=True, text="no", now=NOW)
    row = ("okx", "stream", 0.5, 12.0, 300, 4, 2, None)
    with LatestWriter(chosen, NOW - HOUR) as writer:
        venues = pl.DataFrame([row], schema=VENUES_SCHEMA, orient="row")
        writer.write({VENUES: venues}, 1, NOW - timedelta(seconds=3))
    return chosen


@pytest.fixture(scope="module")
def text(settings: Settings) -> str:
    return exposition(lambda: families(settings, NOW, lambda: FACTS))


@pytest.fixture(scope="module")
def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in parsed(text)
        for sample in family.samples
    }


OF_SNAPSHOTS = ("okx", "core.market_snapshots")


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("breaker_state", ("okx", "closed"), 1),
        ("breaker_state", ("okx", "open"), 0),
        ("collections", (*OF_SNAPSHOTS, "success"), 1),
        ("collections", (*OF_SNAPSHOTS, "failed"), 1),
        ("collected_rows", OF_SNAPSHOTS, 10),
        ("collected_requests", OF_SNAPSHOTS, 4),
        ("collection_answer_seconds", OF_SNAPSHOTS, 0.25),
        ("collection_duration_seconds", OF_SNAPSHOTS, 4),
        ("collection_lag_seconds", OF_SNAPSHOTS, 3596),
        ("data_age_seconds", ("core.market_snapshots", "okx"), 1800),
        ("data_age_tolerated_seconds", ("core.market_snapshots", "okx"), 7200),
        ("alerts_active", ("run_failed", "critical"), 1),
        ("alert_messages_waiting", ("webhook",), 1),
        ("daemon_heartbeat_age_seconds", ("SENSOR",), 40),
        ("pool_slots_held", ("venue_okx",), 2),
        ("pool_slots_of_ended_runs", (), 1),
        ("last_run_failed", ("transform",), 1),
        ("last_run_failed", ("history of okx",), 0),
        ("failed_checks", (), 1),
        ("live_age_seconds", (), 3),
        ("live_data_age_seconds", ("okx",), 0.5),
        ("live_updates_per_second", ("okx",), 12),
        ("live_instruments", ("okx",), 300),
        ("live_stale_instruments", ("okx",), 4),
        ("live_reconnects", ("okx",), 2),
    ],
)
def test_figures_are_those_of_the_lake_and_of_dagster(
    samples: Samples,
    name: str,
    labels: tuple[str, ...],
    value: float,
) -> None:
    assert samples[f"funding_{name}", frozenset(labels)] == value


def test_what_is_not_known_has_no_series(
    samples: Samples,
) -> None:
    series = frozenset({"core.funding_rates", "okx"})
    assert ("funding_data_age_seconds", series) not in samples
    assert ("funding_data_age_tolerated_seconds", series) in samples


def test_no_secret_is_in_a_figure(text: str) -> None:
    assert "canary" not in text
    assert SECRET not in text


def test_every_metric_is_documented(text: str) -> None:
    page = (project_root() / "docs" / "deploying.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| metric \|.*?(?=^$)", page, re.M | re.S)
    documented = set(re.findall(r"`(funding_\w+)`", table))
    assert {family.name for family in parsed(text)} == documented


def test_figures_are_served_and_asked_for_anew(tmp_path: Path) -> None:
    asked = []

    def counted() -> Any:
        asked.append(1)
        return families(Settings(data_dir=tmp_path, venues=("okx",)), NOW)

    server, thread = serve(counted, 0, "127.0.0.1")
    for _ in range(2):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            assert 'funding_breaker_failures{venue="okx"} 0.0' in answer.read().decode()
    server.shutdown()
    server.server_close()
    thread.join()
    assert len(asked) == 2
