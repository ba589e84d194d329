"""What is observed of a lake in which something of every kind is wrong, and what of a sound one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
    MARKET_SNAPSHOTS,
)
from funding_platform.core.tables.features.curves import CURVE_FACTORS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.alerting.rounds import evaluate, rules_of
from funding_platform.flows.alerting.sources import SOURCES
from funding_platform.flows.queries.upkeep.ages import AGES, data_ages
from funding_platform.lake import connect
from funding_platform.lake.catalog import catalog_file
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.observing import Observation
from funding_platform.telemetry.alerts.rules import (
    CHECK_FAILED,
    LIVE_STOPPED,
    RULES,
    RUN_FAILED,
    STREAM_SILENT,
)
from funding_platform_tests.dbt.market import frame_of

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def instrument(symbol: str, base: str) -> dict[str, Any]:
    return {
        "venue": "okx",
        "venue_symbol": symbol,
        "base": base,
        "quote": "USDT",
        "multiplier": 1.0,
        "contract_type": "linear",
        "status": "trading",
        "first_seen_at": NOW - timedelta(days=40),
        "last_seen_at": NOW - HOUR,
    }


def snapshot(venue: str, at: datetime) -> dict[str, Any]:
    hour = at.replace(minute=0)
    return {"venue": venue, "venue_symbol": "BTC", "snapshot_hour": hour, "observed_at": at}


def settlement(venue: str, at: datetime) -> dict[str, Any]:
    return {
        "venue": venue,
        "venue_symbol": "BTC",
        "funding_time": at,
        "funding_rate": 1e-4,
        "interval_hours": 8.0,
        "interval_inferred": False,
        "venue_time": at,
        "observed_at": at,
    }


def attempt(venue: str, hours_ago: float, status: str, month: datetime | None) -> dict[str, Any]:
    at = NOW - hours_ago * HOUR
    return {
        "run_id": f"{venue}-{hours_ago}",
        "venue": venue,
        "dataset": "core.funding_rates" if month else "core.market_snapshots",
        "started_at": at,
        "finished_at": at,
        "status": status,
        "rows_written": 0,
        "error": f"{venue} is\x1b[31m down" if status == "failed" else None,
        "window_start": month,
        "window_end": month and month + timedelta(days=28),
    }


def curve(symbol: str, level_z: float, hours_ago: float, kind: str = "settled") -> dict[str, Any]:
    at = NOW.replace(hour=8, minute=0) - hours_ago * HOUR
    return {
        "venue": "okx",
        "venue_symbol": symbol,
        "as_of": at,
        "kind": kind,
        "level": 0.5,
        "slope": -0.1,
        "level_z": level_z,
        "slope_z": None,
        "available_at": at,
    }


FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (2, 3))

ROWS: dict[Table, list[dict[str, Any]]] = {
    INSTRUMENTS: [instrument("BTC", "BTC"), instrument("ETH", "ETH"), instrument("DOGE", "DOGE")],
    MARKET_SNAPSHOTS: [snapshot("okx", NOW - HOUR / 2), snapshot("bybit", NOW - 5 * HOUR)],
    FUNDING_RATES: [
        settlement("okx", NOW - 20 * HOUR),
        settlement("bybit", NOW - timedelta(days=3)),
        settlement("binance", NOW - timedelta(days=70)),
    ],
    COLLECTION_LOG: [
        *(attempt("bybit", hours, "failed", None) for hours in (1, 2, 3)),
        attempt("bybit", 4, "partial", None),
        attempt("okx", 2, "failed", None),
        attempt("okx", 1, "success", None),
        *(attempt("bybit", hours, "failed", MARCH) for hours in (9, 17)),
        attempt("bybit", 25, "success", MARCH),
        attempt("bybit", 20, "failed", FEBRUARY),
        attempt("bybit", 10, "success", FEBRUARY),
    ],
    CURVE_FACTORS: [
        curve("BTC", -2.5, 0),
        curve("BTC", 9.0, 8),
        curve("BTC", 9.0, 0, "live"),
        curve("ETH", 0.5, 0),
        curve("DOGE", 9.0, 0),
    ],
}

MARTS = """
CREATE TABLE marts.coverage AS SELECT * FROM (VALUES
    ('okx', 'BTC', TIMESTAMPTZ '2026-03-01 00:00:00+00', 1, 30),
    ('okx', 'ETH', TIMESTAMPTZ '2026-03-01 00:00:00+00', 2, 30),
    ('okx', 'BTC', TIMESTAMPTZ '2026-02-01 00:00:00+00', 0, 84),
    ('okx', 'BTC', TIMESTAMPTZ '2026-01-01 00:00:00+00', 84, 84),
    ('gone', 'BTC', TIMESTAMPTZ '2026-03-01 00:00:00+00', 30, 30)
) AS t(venue, venue_symbol, month, missing, expected);
CREATE TABLE marts.opportunities_best AS SELECT * REPLACE (net_apr::DOUBLE AS net_apr) FROM (VALUES
    ('LINK crypto', 'aster', 'L', 'okx', 'S', 0.61, 28.5, now(), 'actionable'),
    ('DOGE crypto', 'aster', 'L', 'okx', 'S', 9.0, 28.5, now(), 'watch')
) AS t(asset, long_venue, long_symbol, short_venue, short_symbol, net_apr, cost_bps, observed_at,
    tier);
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    chosen = Settings(data_dir=tmp_path_factory.mktemp("ill"), venues=("okx", "bybit", "binance"))
    with Lake(chosen) as lake:
        with lake.commit("run", "what is wrong") as transaction:
            for table, rows in ROWS.items():
                transaction.append(table, frame_of(table, rows))
        lake.connection.execute(MARTS)
    return chosen


@pytest.fixture(scope="module")
def seen(settings: Settings) -> dict[str, dict[str, Observation]]:
    return {
        found.kind: {one.subject: one for one in found.observations}
        for found in evaluate(settings, NOW)
    }


def values(observations: dict[str, Observation]) -> dict[str, float | None]:
    return {subject: one.value for subject, one in observations.items()}


def test_everything_that_has_a_rule_is_observed(seen: dict[str, Any]) -> None:
    of_others = {RUN_FAILED.kind, CHECK_FAILED.kind, LIVE_STOPPED.kind, STREAM_SILENT.kind}
    assert set(seen) == set(RULES) - of_others
    assert set(SOURCES) <= set(RULES)


def test_ages_are_told_as_multiples_of_what_is_tolerated(seen: dict[str, Any]) -> None:
    stale = values(seen["stale"])
    assert stale["core.market_snapshots of okx"] == 0.25
    assert stale["core.market_snapshots of bybit"] == 2.5
    assert stale["core.market_snapshots of binance"] is None, "never collected is not stale"
    assert stale["core.funding_rates of okx"] == 0.5
    assert stale["core.funding_rates of bybit"] == 72 / 40
    assert stale["core.funding_rates of binance"] is None, "older than what is looked for"
    assert stale["features.curve_factors"] == 4.5 / 40
    assert seen["stale"]["core.market_snapshots of bybit"].text == (
        "the newest row is of 2026-03-10 07:30 UTC, 5.0 hours old; 2 are tolerated"
    )


def test_failures_in_a_row_are_counted_since_the_last_success(seen: dict[str, Any]) -> None:
    assert values(seen["venue_down"]) == {"okx": 0, "bybit": 3, "binance": 0}
    assert seen["venue_down"]["bybit"].text == (
        "3 collections in a row have failed, its breaker is closed: bybit is[31m down"
    )


def test_a_months_failures_are_over_with_its_next_success(seen: dict[str, Any]) -> None:
    assert values(seen["failed_partition"]) == {
        "core.funding_rates of bybit, 2026-03": 2,
        "core.funding_rates of bybit, 2026-02": 0,
    }
    told = seen["failed_partition"]["core.funding_rates of bybit, 2026-03"].text
    assert told.startswith("2 attempts have failed since 2026-03-09 19:30 UTC: bybit is")


def test_coverage_is_that_of_this_month_and_the_last(seen: dict[str, Any]) -> None:
    assert values(seen["coverage_loss"]) == {"okx, 2026-03": 0.05, "okx, 2026-02": 0.0}


def test_curves_are_watched_of_the_chosen_bases_only(seen: dict[str, Any]) -> None:
    assert values(seen["curve_z"]) == {
        "okx BTC, level": 2.5,
        "okx BTC, slope": None,
        "okx ETH, level": 0.5,
        "okx ETH, slope": None,
    }
    assert seen["curve_z"]["okx BTC, level"].text == (
        "its level is 50.0 % a year, z = -2.50, as of 2026-03-10 08:00 UTC"
    )


def test_opportunities_are_the_actionable_ones(seen: dict[str, Any]) -> None:
    assert values(seen["opportunity"]) == {"LINK crypto": 0.61}


def test_the_rest_is_well(seen: dict[str, Any]) -> None:
    assert values(seen["edge_decay"]) == {"the newest backtest": 0.0}
    assert values(seen["lake_unreadable"]) == {"The lake": 0.0}
    assert set(seen["disk_low"]) == {"the disk"}


def test_a_lake_without_marts_leaves_their_alerts_as_they_are(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, venues=("okx",))
    assert evaluate(settings, NOW) == [], "no lake, nothing to say"
    with Lake(settings):
        pass
    kinds = {found.kind for found in evaluate(settings, NOW)}
    assert not {"coverage_loss", "opportunity"} & kinds
    assert {"stale", "venue_down", "disk_low"} <= kinds


@pytest.fixture
def damaged(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path)
    with Lake(settings) as lake, lake.commit("run", "something") as transaction:
        rows = [settlement("okx", NOW - HOUR)]
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, rows))
    catalog_file(settings).write_bytes(b"no catalog")
    return settings


def test_a_lake_that_cannot_be_read_is_told_itself(damaged: Settings) -> None:
    (found,) = evaluate(damaged, NOW)
    assert (found.kind, [one.value for one in found.observations]) == ("lake_unreadable", [1.0])


def test_bounds_come_from_the_settings(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, alert_z=3.0, alert_net_apr=1.0, alert_stale_factor=2.0)
    rules = rules_of(settings)
    assert (rules["curve_z"].raise_at, rules["curve_z"].resolve_at) == (3.0, 2.25)
    assert (rules["opportunity"].raise_at, rules["stale"].resolve_at) == (1.0, 1.8)
    assert rules["coverage_loss"] == RULES["coverage_loss"]


def test_ages_have_a_row_for_whatever_is_offered(settings: Settings) -> None:
    with connect(settings) as lake:
        found = data_ages(lake, ["okx"], NOW)
    assert found.schema == AGES
    assert found.filter(pl.col("venue").is_null())["asset"].to_list() == [
        "features.curve_snapshots",
        "features.curve_factors",
        "features.feature_store",
        "marts.opportunities",
    ]
