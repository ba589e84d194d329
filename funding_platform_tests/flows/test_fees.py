"""Fees as published and as set by hand: what applies when."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from funding_platform.core.tables.fees import FEE_OVERRIDES
from funding_platform.core.time_grid import FIRST_PERPETUAL
from funding_platform.flows.errors import NotBuiltError, UnknownTierError
from funding_platform.flows.queries import fee_overrides, fees_at
from funding_platform.lake.connection import connect
from funding_platform.lake.publish import publish
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.flows.fees import DRIFT, START, TICK, VELOCITY, put, revoke, taker_at

# --- reading


def test_published_fees_apply_while_nobody_has_set_any(published_fees: Settings) -> None:
    with connect(published_fees) as connection:
        found = fees_at(connection, datetime.now(UTC))
        assert fee_overrides(connection).equals(FEE_OVERRIDES.empty())
    assert not found["overridden"].any()
    assert found.select("venue", "tier").is_unique().all()
    assert found.filter(venue="lighter", tier="base")["taker_bps"].to_list() == [0.0]


def test_a_past_instant_has_the_fees_of_its_time(published_fees: Settings) -> None:
    assert taker_at(published_fees, VELOCITY - TICK) == {"base": 3.5}
    assert taker_at(published_fees, VELOCITY) == {"base": 2.0}
    assert taker_at(published_fees, FIRST_PERPETUAL - TICK) == {}


@pytest.mark.world
def test_the_published_file_knows_them_too(fee_lake: Settings) -> None:
    put(fee_lake, DRIFT)
    publish(fee_lake)
    with duckdb.connect(str(fee_lake.published_file), read_only=True) as file:
        found = fees_at(file, START)
    with connect(fee_lake) as connection:
        assert found.rows() == fees_at(connection, START).rows()


def test_without_dbt_nothing_is_known_yet(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    put(settings, DRIFT)
    with connect(settings) as connection:
        assert fee_overrides(connection, venue="drift").height == 1
        with pytest.raises(NotBuiltError, match="funding transform"):
            fees_at(connection, START)


def test_a_lake_from_before_overrides_has_an_empty_log(published_fees: Settings) -> None:
    with Lake(published_fees) as lake:
        lake.connection.execute(f"BEGIN; DROP TABLE {FEE_OVERRIDES.full_name}")
        assert fee_overrides(lake.connection).equals(FEE_OVERRIDES.empty())
        lake.connection.execute("ROLLBACK")


# --- setting


def test_an_override_counts_for_a_reader_that_is_already_connected(fee_lake: Settings) -> None:
    with connect(fee_lake) as reader:
        assert fees_at(reader, START, venue="drift")["taker_bps"].to_list() == [3.5]
        put(fee_lake, DRIFT)
        (row,) = fees_at(reader, START, venue="drift").rows(named=True)
    assert row == {
        "venue": "drift",
        "tier": "base",
        "effective_from": START,
        "effective_until": VELOCITY,
        "maker_bps": -1.5,
        "taker_bps": 3.0,
        "min_volume_30d_usd": 0.0,
        "source": "agreed",
        "overridden": True,
    }


def test_an_override_holds_from_its_start_to_the_next_published_one(fee_lake: Settings) -> None:
    put(fee_lake, DRIFT)
    spans = {START - TICK: 3.5, START: 3.0, VELOCITY - TICK: 3.0, VELOCITY: 2.0}
    assert {instant: taker_at(fee_lake, instant)["base"] for instant in spans} == spans


def test_the_models_see_an_override_without_another_run_of_dbt(fee_lake: Settings) -> None:
    put(fee_lake, replace(DRIFT, effective_from=datetime.now(UTC)))
    with Lake(fee_lake) as lake:
        found = lake.read("SELECT taker_bps FROM intermediate.int_base_fees WHERE venue = 'drift'")
    assert found["taker_bps"].to_list() == [3.0]


def test_an_instant_is_the_same_in_any_zone(fee_lake: Settings) -> None:
    in_tokyo = replace(DRIFT, effective_from=START.astimezone(ZoneInfo("Asia/Tokyo")))
    put(fee_lake, in_tokyo)
    assert taker_at(fee_lake, START) == {"base": 3.0}
    assert taker_at(fee_lake, in_tokyo.effective_from - TICK) == {"base": 3.5}
    revoke(fee_lake, in_tokyo)
    assert taker_at(fee_lake, in_tokyo.effective_from) == {"base": 3.5}


def test_of_two_overrides_the_one_recorded_last_counts(fee_lake: Settings) -> None:
    put(fee_lake, DRIFT)
    put(fee_lake, replace(DRIFT, taker_bps=2.5))
    assert taker_at(fee_lake, START) == {"base": 2.5}


def test_a_clock_that_was_set_back_does_not_undo_the_order(fee_lake: Settings) -> None:
    put(fee_lake, DRIFT)
    with Lake(fee_lake) as lake, lake.commit("run", "a clock ahead") as transaction:
        ahead = lake.read(f"FROM {FEE_OVERRIDES.full_name}")
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        transaction.append(FEE_OVERRIDES, ahead.with_columns(recorded_at=tomorrow))
    put(fee_lake, replace(DRIFT, taker_bps=1))
    assert taker_at(fee_lake, START) == {"base": 1.0}


@pytest.mark.world
def test_those_who_set_fees_at_once_take_turns(fee_lake: Settings) -> None:
    entries = [replace(DRIFT, taker_bps=float(taker)) for taker in range(6)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(put, repeat(fee_lake), entries))
    with connect(fee_lake) as connection:
        log = fee_overrides(connection)
    assert sorted(log["taker_bps"]) == [entry.taker_bps for entry in entries]
    assert log["recorded_at"].is_unique().all()
    assert taker_at(fee_lake, START) == {"base": log["taker_bps"][-1]}


def test_a_new_tier_needs_its_volume(fee_lake: Settings) -> None:
    ours = replace(DRIFT, tier="ours")
    with pytest.raises(UnknownTierError, match=r"no tier 'ours'\s+hint: it has base; a new one"):
        put(fee_lake, ours)
    put(fee_lake, replace(ours, min_volume_30d_usd=5e6))
    assert taker_at(fee_lake, START) == {"base": 3.5, "ours": 3.0}


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("venue", "tier", "start", "volume"),
    [
        ("backpack", "tier_2", START, 500_000.0),
        ("binance", "vip_1", START, None),  # volume alone does not open it
        ("hyperliquid", "tier_1", datetime(2024, 1, 1, tzinfo=UTC), 10_714_286.0),
        ("ccxt:gate", "base", START, 0.0),
    ],
)
def test_a_known_tier_keeps_its_volume(
    fee_lake: Settings, venue: str, tier: str, start: datetime, volume: float | None
) -> None:
    if venue.startswith("ccxt:"):
        pytest.importorskip("ccxt")
    put(fee_lake, replace(DRIFT, venue=venue, tier=tier, effective_from=start))
    with connect(fee_lake) as connection:
        found = fees_at(connection, start, venue=venue).filter(tier=tier, overridden=True)
    assert found["min_volume_30d_usd"].to_list() == [volume]


def test_a_tier_keeps_the_volume_that_was_set_last(fee_lake: Settings) -> None:
    known = replace(DRIFT, venue="backpack", tier="tier_2")
    put(fee_lake, replace(known, min_volume_30d_usd=1e6))
    put(fee_lake, replace(known, effective_from=START + timedelta(days=1)))
    with connect(fee_lake) as connection:
        volumes = fee_overrides(connection)["min_volume_30d_usd"].to_list()
    assert volumes == [1e6, 1e6]


# --- revoking, and who did what


@pytest.mark.world
def test_revoking_uncovers_what_was_published(fee_lake: Settings) -> None:
    at_a_published_start = replace(DRIFT, effective_from=VELOCITY)
    put(fee_lake, DRIFT)
    put(fee_lake, at_a_published_start)
    assert taker_at(fee_lake, VELOCITY) == {"base": 3.0}
    revoke(fee_lake, at_a_published_start)
    assert taker_at(fee_lake, VELOCITY) == {"base": 2.0}
    revoke(fee_lake, DRIFT)
    assert taker_at(fee_lake, START) == {"base": 3.5}


def test_what_was_revoked_can_be_set_again(fee_lake: Settings) -> None:
    put(fee_lake, DRIFT)
    revoke(fee_lake, DRIFT)
    put(fee_lake, DRIFT)
    assert taker_at(fee_lake, START) == {"base": 3.0}


def test_the_log_says_who_did_what_when_and_why(fee_lake: Settings) -> None:
    before = datetime.now(UTC)
    put(fee_lake, DRIFT)
    revoke(fee_lake, DRIFT)
    with connect(fee_lake) as connection:
        log = fee_overrides(connection)
        commits = connection.execute(
            "SELECT author, commit_message FROM lake.snapshots() "
            "WHERE author LIKE 'run-%' ORDER BY ALL"
        ).fetchall()
    said = log.select("recorded_by", "note", "revoked", "maker_bps", "taker_bps", "effective_from")
    assert said.rows() == [
        ("ana", "agreed", False, -1.5, 3.0, START),
        ("ben", "a mistake", True, -1.5, 3.0, START),
    ]
    first, second = log["recorded_at"]
    assert before <= first < second <= datetime.now(UTC)
    assert commits == [
        ("run-1", "run-1: fees of drift base set by ana"),
        ("run-2", "run-2: fees of drift base revoked by ben"),
    ]
