"""What Prometheus reads: of a lake, of a machine, of Dagster; over a real socket."""

import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from funding_platform.core.tables.collected import COLLECTION_LOG, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.alerting.rounds import run_observed
from funding_platform.flows.doctor import DagsterFacts
from funding_platform.flows.live.latest import VENUES, VENUES_SCHEMA, LatestWriter
from funding_platform.flows.metrics import families
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.telemetry.declared import GROUPS
from funding_platform.telemetry.metrics import exposition, serve
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues
from funding_platform_tests.execution.cycle.seen import NOW as TRADED
from funding_platform_tests.execution.cycle.test_trader import ROWS
from funding_platform_tests.flows.execution.test_mirror import trade
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


MARTS = """
CREATE TABLE marts.coverage AS SELECT * FROM (VALUES
    ('okx', 'BTC', TIMESTAMPTZ '2026-03-01 00:00:00+00', 1, 30),
    ('okx', 'ETH', TIMESTAMPTZ '2026-03-01 00:00:00+00', 2, 30),
    ('okx', 'BTC', TIMESTAMPTZ '2026-02-01 00:00:00+00', 9, 84)
) AS t(venue, venue_symbol, month, missing, expected);
CREATE TABLE marts.opportunities AS SELECT * REPLACE (net_apr::DOUBLE AS net_apr) FROM (VALUES
    (now(), 0.61, 'actionable'), (now(), 0.3, 'actionable'), (now(), NULL, 'watch')
) AS t(observed_at, net_apr, tier);
"""


def instrument(symbol: str, quote: str) -> dict[str, Any]:
    return {
        "venue": "okx",
        "venue_symbol": symbol,
        "base": "BTC",
        "quote": quote,
        "multiplier": 1.0,
        "contract_type": "linear",
        "status": "trading",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }


def factors(symbol: str, hours_ago: float, level_z: float | None) -> dict[str, Any]:
    return {
        "venue": "okx",
        "venue_symbol": symbol,
        "as_of": NOW - hours_ago * HOUR,
        "kind": "settled",
        "level": 0.1,
        "level_z": level_z,
        "slope_z": -0.5,
        "dispersion": 0.02,
        "available_at": NOW,
    }


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
    curves = [factors("BTC-USDT", 0, 2.5), factors("BTC-USDT", 8, 9.0), factors("BTC-USDC", 0, 7.0)]
    listed = [instrument("BTC-USDT", "USDT"), instrument("BTC-USDC", "USDC")]
    with Lake(chosen) as lake:
        with lake.commit("run", "something") as transaction:
            transaction.append(COLLECTION_LOG, frame_of(COLLECTION_LOG, log))
            transaction.append(MARKET_SNAPSHOTS, frame_of(MARKET_SNAPSHOTS, [snapshot]))
            transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, listed))
            transaction.append(CURVE_FACTORS, frame_of(CURVE_FACTORS, curves))
        lake.connection.execute(MARTS)
    run_observed(chosen, "transform", failed=True, text="no", now=NOW)
    row = ("okx", "stream", 0.5, 12.0, 300, 4, 2, None)
    with LatestWriter(chosen, NOW - HOUR) as writer:
        venues = pl.DataFrame([row], schema=VENUES_SCHEMA, orient="row")
        writer.write({VENUES: venues}, 1, NOW - timedelta(seconds=3))
    return chosen


@pytest.fixture(scope="module")
def text(settings: Settings) -> str:
    return exposition(lambda: families(settings, NOW, lambda: FACTS))


def samples_of(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in parsed(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def samples(text: str) -> Samples:
    return samples_of(text)


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
        ("settlements_expected", ("okx",), 60),
        ("settlements_missing", ("okx",), 3),
        ("curve_level_z", ("BTC", "okx"), 2.5),
        ("curve_slope_z", ("BTC", "okx"), -0.5),
        ("curve_dispersion_ratio", ("BTC", "okx"), 0.02),
        ("opportunities", ("actionable",), 2),
        ("best_opportunity_net_apr_ratio", ("actionable",), 0.61),
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
        ("live_reconnects_total", ("okx",), 2),
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


def test_what_no_pair_is_known_of_has_no_best_one(samples: Samples) -> None:
    assert samples["funding_opportunities", frozenset({"watch"})] == 1
    assert ("funding_best_opportunity_net_apr_ratio", frozenset({"watch"})) not in samples


@pytest.fixture(scope="module")
def text_of_traders(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is told after a cycle on paper that opened one pair."""
    chosen = Settings(data_dir=tmp_path_factory.mktemp("traded"), venues=("okx",))
    venues = PaperVenues()
    venues.list_(ROWS)
    trade(chosen, venues, close=False)
    now = TRADED + timedelta(seconds=5)
    return exposition(lambda: families(chosen, now))


@pytest.fixture(scope="module")
def of_traders(text_of_traders: str) -> Samples:
    return samples_of(text_of_traders)


def test_figures_of_trading_are_those_of_the_last_cycle(of_traders: Samples) -> None:
    assert of_traders["funding_trader_halted", frozenset()] == 0
    assert of_traders["funding_trader_unhedged_pairs", frozenset()] == 0
    assert of_traders["funding_trader_cycle_age_seconds", frozenset()] == 5
    assert of_traders["funding_trader_pairs", frozenset({"open"})] == 1
    assert of_traders["funding_trader_equity_usd", frozenset({"aster"})] == 10_000
    assert of_traders["funding_trader_venue_reachable", frozenset({"binance"})] == 1
    assert of_traders["funding_trader_pnl_usd", frozenset({"funding"})] == 0


def test_a_store_of_nobody_is_not_made_by_asking(settings: Settings, samples: Samples) -> None:
    assert not settings.execution_file.exists()
    assert not [name for name, _ in samples if name.startswith("funding_trader")]


def test_a_store_that_does_not_answer_has_no_figures(tmp_path: Path) -> None:
    url = "postgresql://trader@127.0.0.1:1/execution"
    chosen = Settings.model_validate({"data_dir": tmp_path, "execution_url": url})
    shown = exposition(lambda: families(chosen, NOW))
    assert "funding_trader" not in shown
    assert "funding_breaker_state" in shown


def test_all_that_is_declared_is_told_and_nothing_else(text: str, text_of_traders: str) -> None:
    declared = {
        one.name: one.kind for group in GROUPS if group != "service" for one in GROUPS[group]
    }
    seen = {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in (*parsed(text), *parsed(text_of_traders))
    }
    assert seen == declared


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
