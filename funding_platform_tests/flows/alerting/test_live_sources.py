"""Alerts of the live market: the collector, the venues, and what pays best on the board."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.features.curves import CURVE_FACTORS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.flows.alerting.live_sources import live_evaluations
from funding_platform.flows.alerting.rounds import look, look_live
from funding_platform.flows.live.latest import FACTORS, PAIRS, VENUES, VENUES_SCHEMA, LatestWriter
from funding_platform.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def pair(base: str, net: float | None, tier: str = "actionable") -> dict[str, object]:
    return {
        "base": base,
        "asset": base,
        "long_venue": "okx",
        "long_symbol": f"{base}-USDT-SWAP",
        "short_venue": "bybit",
        "short_symbol": f"{base}USDT",
        "net_apr": net,
        "cost_bps": 12.5,
        "tier": tier,
        "observed_at": NOW,
    }


def hand_out(
    settings: Settings, at: datetime = NOW, age: float | None = 0.5, *pairs: dict[str, object]
) -> None:
    venues = pl.DataFrame(
        [("okx", "stream", age, 1.0, 9, 0, 0, None if age and age < 60 else "no connection")],
        schema=VENUES_SCHEMA,
        orient="row",
    )
    frames = {VENUES: venues}
    if pairs:
        schema = {name: OPPORTUNITIES.polars_schema[name] for name in pairs[0]}
        frames[PAIRS] = pl.DataFrame(list(pairs), schema=schema)
    with LatestWriter(settings, NOW) as writer:
        writer.write(frames, 1, at)


def kinds(settings: Settings, now: datetime) -> set[str]:
    return {one.kind for one in live_evaluations(settings, now)}


def test_where_no_collector_ever_ran_nothing_is_said(settings: Settings) -> None:
    assert live_evaluations(settings, NOW) == []


def test_a_collector_that_stops_is_told_of_once_and_so_is_its_return(settings: Settings) -> None:
    hand_out(settings)
    assert look_live(settings, NOW + SECOND) == []
    (told,) = look_live(settings, NOW + 16 * SECOND)
    assert (told.kind, told.event) == ("live_stopped", "raised")
    assert "16 s ago" in told.text
    assert look_live(settings, NOW + 40 * SECOND) == []
    hand_out(settings, NOW + 60 * SECOND)
    (told,) = look_live(settings, NOW + 61 * SECOND)
    assert (told.kind, told.event) == ("live_stopped", "resolved")


def test_a_venue_that_falls_silent_is_told_of_with_the_reason(settings: Settings) -> None:
    hand_out(settings, NOW, 75.0)
    (told,) = look_live(settings, NOW)
    assert (told.kind, told.subject) == ("stream_silent", "okx")
    assert told.text == "the newest data is 75 s old: no connection"
    hand_out(settings, NOW + SECOND, 45.0)
    assert look_live(settings, NOW + SECOND) == []  # it trembles about the bound
    hand_out(settings, NOW + 2 * SECOND, 1.0)
    assert [one.event for one in look_live(settings, NOW + 2 * SECOND)] == ["resolved"]


def test_the_best_pair_of_an_asset_is_judged_as_the_board_has_it(settings: Settings) -> None:
    hand_out(
        settings,
        NOW,
        0.5,
        pair("BTC", 0.2),
        pair("BTC", 0.7),
        pair("ETH", 0.9, "reject"),
        pair("SOL", None),
    )
    assert "opportunity" in kinds(settings, NOW)
    (told,) = look_live(settings, NOW)
    assert (told.kind, told.subject) == ("opportunity", "BTC")
    assert "70.0 % a year net of 12.5 bp" in told.text


def test_what_a_stopped_collector_saw_is_no_opportunity(settings: Settings) -> None:
    hand_out(settings, NOW, 0.5, pair("BTC", 0.7))
    assert [one.kind for one in look_live(settings, NOW + 60 * SECOND)] == ["live_stopped"]
    assert "opportunity" not in kinds(settings, NOW + 60 * SECOND)


def test_a_whole_look_has_the_live_market_too(settings: Settings) -> None:
    hand_out(settings, NOW, 75.0)
    assert [one.kind for one in look(settings, NOW)] == ["stream_silent"]


def test_switched_off_nothing_is_expected_of_a_collector(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, live=False)
    hand_out(settings)
    assert live_evaluations(settings, NOW + 60 * SECOND) == []


def test_a_curve_far_from_its_mean_is_told_as_the_board_has_it(settings: Settings) -> None:
    hand_out(settings)
    names = ("venue", "venue_symbol", "as_of", "level", "level_z", "slope", "slope_z")
    schema = {name: CURVE_FACTORS.polars_schema[name] for name in names}
    rows = [
        ("okx", "BTC-USDT-SWAP", NOW, 0.31, -2.5, 0.02, 1.9),
        ("okx", "NEW", NOW, 0.1) + (None,) * 3,
    ]
    with LatestWriter(settings, NOW) as writer:
        writer.write(
            {VENUES: VENUES_SCHEMA.to_frame(), FACTORS: pl.DataFrame(rows, schema, orient="row")},
            1,
            NOW,
        )
    (told,) = look_live(settings, NOW)
    assert (told.kind, told.subject) == ("curve_z", "okx BTC-USDT-SWAP, level")
    assert "its level is 31.0 % a year, z = -2.5" in told.text
