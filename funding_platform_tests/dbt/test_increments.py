"""Marts that are read off what is kept of settled months, beside the same built in full."""

import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
)
from funding_platform.core.tables.marts.increments import INCREMENTS
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.time_grid import HOUR, month_start
from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.flows.collection.listings import stored_starts
from funding_platform.lake.connection import connect
from funding_platform.lake.marts.build import marts_build
from funding_platform.lake.marts.changes import BuildNote, Plan, months_that_differ, plan_of
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.changing_lake import (
    CHANGES,
    END,
    START,
    SYMBOLS,
    VENUES,
    collected,
    instrument,
    relisted,
    settlement,
    settlements,
)
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.dbt.runner import artefacts_of, run_dbt

READ_OFF = (
    "listing_starts",
    "settlement_months",
    "settlement_gaps",
    "settled_quartiles",
    "latest_funding_rates",
    "venue_health",
    "coverage",
    "funding_rate_stats",
    "venue_funding_stats",
)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake of half a year of losses, its marts built for the first time."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("increments") / "data")
    listed = [instrument(venue, symbol) for venue in VENUES for symbol in SYMBOLS]
    dice = random.Random(20250610)
    with Lake(settings) as lake, lake.commit("collect", "half a year") as transaction:
        transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, listed))
        transaction.append(COLLECTION_LOG, frame_of(COLLECTION_LOG, [*map(collected, VENUES)]))
        rates = frame_of(FUNDING_RATES, [*settlements(START, END, dice)])
        transaction.append(FUNDING_RATES, rates)
    build(settings)
    return settings


def build(settings: Settings) -> None:
    models = [f"+{name}" for name in (*READ_OFF, "int_current_funding_rates")]
    built = ("build", "--exclude-resource-type", "test", "unit_test", "--select", *models)
    outcome = run_dbt(settings, *built)
    assert outcome.returncode == 0, outcome.stdout[-4000:]


def plan(settings: Settings) -> Plan:
    with connect(settings) as lake:
        newest = lake.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchall()[0][0]
        return plan_of(lake, newest, full=False)


def forget(settings: Settings) -> None:
    """Void what was said of the last build, so that the next one works out everything."""
    leave(settings, {**plan(settings).note.as_extra(), "months_read": None})


def leave(settings: Settings, note: dict[str, object]) -> None:
    """Commit something with the note of a build."""
    with Lake(settings) as lake, lake.commit("another", "note", extra=note):
        lake.connection.execute("CREATE OR REPLACE VIEW core.another AS SELECT 1 AS one")


def marts(settings: Settings) -> dict[str, pl.DataFrame]:
    with connect(settings) as lake:
        return {
            name: lake.execute(
                f"FROM marts.{name} ORDER BY {', '.join(TABLES[f'marts.{name}'].key)}"
            ).pl()
            for name in READ_OFF
        }


def rows_of(settings: Settings, name: str) -> list[tuple[object, ...]]:
    """The numbers that DuckLake gives the rows of a mart: new ones where they are written anew."""
    with connect(settings) as lake:
        return lake.execute(f"SELECT rowid FROM marts.{name} ORDER BY ALL").fetchall()


@pytest.fixture
def copied(first: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(first.data_dir, tmp_path / "data")
    shutil.copytree(artefacts_of(first), artefacts_of(Settings(data_dir=tmp_path / "data")))
    return Settings(data_dir=tmp_path / "data")


@pytest.mark.world
def test_what_was_built_by_changes_is_what_a_full_build_gives(copied: Settings) -> None:
    dice = random.Random(7)
    for _ in range(2):
        with Lake(copied) as lake:
            for change in [*dice.choices(CHANGES, k=6), relisted]:
                change(lake, dice)
        maintain(copied, keep_days=1)
        months = plan(copied).months
        assert months is not None
        assert len(months) > 0
        build(copied)
        assert plan(copied).months == []
    with Lake(copied) as lake, lake.commit("hour", "what settles every hour") as transaction:
        rows = [*settlements(END + 90 * HOUR, END + 98 * HOUR, dice)]
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, rows))
    kept = rows_of(copied, "settled_quartiles")
    build(copied)
    assert rows_of(copied, "settled_quartiles") == kept
    by_changes = marts(copied)
    forget(copied)
    assert plan(copied).months is None
    build(copied)
    for name, in_full in marts(copied).items():
        assert in_full.height >= len(VENUES)
        assert_frame_equal(by_changes[name], in_full, rel_tol=1e-12, abs_tol=1e-15)
    with connect(copied) as reader:
        assert by_changes["listing_starts"].rows() == stored_starts(reader).rows()
        newest = reader.execute(NEWEST).fetchall()
        ends = reader.execute(ENDS).fetchall()
    latest = by_changes["latest_funding_rates"].drop_nulls("settled_time")
    assert latest.select(SETTLED).rows() == newest
    health = by_changes["venue_health"]
    assert health.select("venue", "oldest_funding_time", "newest_funding_time").rows() == ends


SETTLED = (
    "venue",
    "venue_symbol",
    "settled_time",
    "settled_rate",
    "settled_interval_hours",
    "settled_rate_8h",
    "settled_apr",
)
NEWEST = """
SELECT venue, venue_symbol, funding_time, funding_rate, interval_hours, rate_8h, apr
FROM intermediate.int_current_funding_rates
QUALIFY row_number() OVER (PARTITION BY venue, venue_symbol ORDER BY funding_time DESC) = 1
ORDER BY venue, venue_symbol
"""
ENDS = """
SELECT venue, min(funding_time), max(funding_time) FROM staging.stg_funding_rates
GROUP BY venue ORDER BY venue
"""
"""What is read off months, asked of all settlements."""


def test_only_the_month_of_a_correction_is_worked_out(copied: Settings) -> None:
    month = datetime(2025, 3, 1, tzinfo=UTC)
    with Lake(copied) as lake, lake.commit("correct", "one rate"):
        lake.connection.execute(
            "UPDATE core.funding_rates SET funding_rate = 0.01 WHERE venue = 'bybit' "
            "AND venue_symbol = 'BTC' AND funding_time = TIMESTAMPTZ '2025-03-05 08:00:00+00'"
        )
    assert plan(copied).months == [("bybit", month)]
    with Lake(copied) as lake, lake.commit("delete", "a venue"):
        lake.connection.execute("DELETE FROM core.funding_rates WHERE venue = 'binance'")
    months = [month_start(START) + timedelta(days=days) for days in range(0, 160, 31)]
    assert len(plan(copied).months or ()) == 1 + len(months)


def test_a_build_that_reads_no_note_works_out_all(copied: Settings) -> None:
    assert plan(copied).months == []
    with connect(copied) as lake:
        assert plan_of(lake, 10**6, full=True).months is None
        assert plan_of(lake, 0, full=False).months is None  # a note of snapshots yet to come
    forget(copied)
    assert plan(copied).months is None


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("code", "of another version"),
        ("full_at", timedelta(days=-8)),
        ("full_at", timedelta(days=1)),
        ("months_read", -1),
        ("months_read", 10**6),
    ],
)
def test_a_note_that_does_not_hold_is_not_built_upon(
    copied: Settings, changed: str, value: str | int | timedelta
) -> None:
    noted = (datetime.now(UTC) + value).isoformat() if isinstance(value, timedelta) else value
    note = {**plan(copied).note.as_extra(), changed: noted}
    leave(copied, note)
    assert plan(copied).months is None


def test_a_snapshot_that_is_forgotten_cannot_be_built_upon(copied: Settings) -> None:
    note = plan(copied).note
    leave(copied, note.as_extra())
    assert plan(copied).months == []
    with Lake(copied) as lake:
        lake.connection.execute(
            f"CALL ducklake_expire_snapshots('lake', versions => [{note.months_read}])"
        )
    assert plan(copied).months is None


@pytest.mark.world
def test_a_build_of_some_of_what_is_kept_voids_the_note(copied: Settings) -> None:
    with marts_build(copied, history_depths()) as under_way:
        assert under_way._note(["marts.coverage"]) is None
        some = under_way._note(["marts.settlement_months"])
        whole = under_way._note([table.full_name for table in INCREMENTS])
    assert some is not None
    assert whole is not None
    assert (some["months_read"], whole["months_read"]) == (None, under_way.snapshot)


@pytest.mark.world
def test_what_had_not_come_yet_is_worked_out_when_it_has(copied: Settings) -> None:
    note = plan(copied).note
    early = BuildNote(note.months_read, END.isoformat(), note.code, note.full_at)
    with Lake(copied) as lake, lake.commit("early", "note", extra=early.as_extra()) as transaction:
        row = settlement("bybit", "BTC", END + 8 * HOUR, random.Random(1))
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, [row]))
    assert ("bybit", month_start(END)) in (plan(copied).months or ())


@pytest.mark.world
def test_quartiles_that_are_out_of_reach_are_asked_of_all_settlements(copied: Settings) -> None:
    asked = "FROM intermediate.int_whole_quartiles ORDER BY venue, venue_symbol"
    with Lake(copied) as lake:
        told = lake.read(asked)
        assert told.height == len(VENUES) * (len(SYMBOLS) + 1) + 1
        around_the_median = "below + settlements BETWEEN 0.4 * of_all AND 0.6 * of_all"
        for lost in (around_the_median, "true"):
            with lake.commit("lose", lost):
                lake.connection.execute(f"DELETE FROM marts.settled_quartiles WHERE {lost}")
            assert_frame_equal(lake.read(asked), told, rel_tol=1e-12)


@pytest.mark.world
def test_a_build_of_all_months_tells_which_were_kept_wrong(copied: Settings) -> None:
    note = plan(copied).note
    old = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    leave(copied, BuildNote(note.months_read, note.began, note.code, old).as_extra())
    assert (plan(copied).months, plan(copied).changed) == (None, [])
    february, march = (datetime(2025, month, 1, tzinfo=UTC) for month in (2, 3))
    with Lake(copied) as lake:
        lake.connection.execute(
            "ATTACH ':memory:' AS other; CREATE SCHEMA other.marts; "
            "CREATE TABLE other.marts.settlement_months AS FROM marts.settlement_months; "
            "DELETE FROM other.marts.settlement_months "
            "WHERE venue = 'binance' AND month = TIMESTAMPTZ '2025-02-01 00:00:00+00'; "
            "UPDATE other.marts.settlement_months SET missing = missing + 1 "
            "WHERE venue = 'bybit' AND month = TIMESTAMPTZ '2025-03-01 00:00:00+00'"
        )
        wrong = months_that_differ(lake.connection, "other", [])
        besides = months_that_differ(lake.connection, "other", wrong[:1])
    assert wrong == [("binance", february), ("bybit", march)]
    assert besides == [("bybit", march)]
