"""The rule of completeness in SQL beside the one in ``core.completeness``, on a lake of losses."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.core.tables.collected import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
    LISTINGS,
)
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.collection.listings import stored_starts
from funding_platform.flows.queries.upkeep.gaps import gaps_by_name, missing_of
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import Row, frame_of
from funding_platform_tests.dbt.runner import run_dbt

START = datetime(2025, 1, 1, tzinfo=UTC)
ASKED = datetime(2025, 4, 10, 9, 12, tzinfo=UTC)
VENUES = ("binance", "okx", "ccxt:mexc", "ccxt:gate", "imported", "failing")
CLASSES = (None, "crypto", "equity", "metal", "other")
KINDS = {"between", "opening", "stopped", "silent"}


def instrument(venue: str, symbol: str, dice: random.Random) -> Row:
    hours = dice.choice([1.0, 2.0, 4.0, 8.0, 24.0, None])
    listed = START + timedelta(days=dice.uniform(-60, 90))
    return {
        "venue": venue, "venue_symbol": symbol, "base": symbol, "quote": "USDT", "multiplier": 1.0,
        "contract_type": "linear", "interval_hours": hours,
        "status": dice.choice(["trading", "trading", "trading", "halted", "delisted", "unknown"]),
        "listed_at": dice.choice([listed, listed, listed, None]),
        "asset_class": CLASSES[int(symbol[1:]) % len(CLASSES)],
        "first_seen_at": listed,
        "last_seen_at": ASKED - dice.choice([0, 0, 0, 1, 26, 700]) * HOUR,
    }  # fmt: skip


def listing(listed: Row, dice: random.Random) -> Row:
    """A listing of the ticker that was seen, the present one or another."""
    seen_at = listed["first_seen_at"] + timedelta(seconds=dice.uniform(0, 9e6))
    return {**listed, "first_seen_at": seen_at, "last_seen_at": seen_at}


def settlements(listed: Row, dice: random.Random) -> Iterator[Row]:
    """Some stretch of its life, with losses, a late or an unknown one, and a change of interval."""
    if dice.random() < 0.2:
        return
    hours = listed["interval_hours"] or 8.0
    due = (listed["listed_at"] or START).replace(hour=0, minute=0, second=0, microsecond=0)
    due += timedelta(days=dice.choice([0, 1, 1, 3, 40]))
    until = ASKED - dice.choice([0, 0, 0, 30, 500]) * HOUR
    while due < until:
        if dice.random() < 0.01:
            hours = dice.choice([1.0, 4.0, 8.0])
        due += timedelta(hours=hours)
        closed = listed["asset_class"] in ("equity", "metal") and due.weekday() >= 5
        if dice.random() > 0.05 and due <= until and not closed:
            late = timedelta(seconds=dice.choice([0, 0, 0, 7, 45]))
            yield {
                "venue": listed["venue"], "venue_symbol": listed["venue_symbol"],
                "funding_time": due + late, "venue_time": due, "funding_rate": 1e-4,
                "interval_hours": dice.choice([hours] * 30 + [None]), "interval_inferred": False,
                "observed_at": ASKED,
            }  # fmt: skip


def relisted(listed: Row, dice: random.Random) -> Iterator[Row]:
    """Another asset that had the ticker before, up to some hours or months before the listing."""
    if listed["listed_at"] is None or dice.random() < 0.5:
        return
    gone = listed["listed_at"] - dice.choice([8, 26, 168, 400, 2000]) * HOUR
    rate = dice.choice([None, 0.0001])
    for number in range(dice.choice([1, 30, 300])):
        due = (gone - number * 8 * HOUR).replace(minute=0, second=0, microsecond=0)
        if dice.random() > 0.05:
            yield {
                "venue": listed["venue"], "venue_symbol": listed["venue_symbol"],
                "funding_time": due, "venue_time": due, "funding_rate": rate or number * 1e-6,
                "interval_hours": 8.0, "interval_inferred": False, "observed_at": ASKED,
            }  # fmt: skip


def collection(venue: str, start: datetime, end: datetime, status: str = "success") -> Row:
    return {
        "run_id": f"{venue} {start}", "venue": venue, "dataset": "core.funding_rates",
        "started_at": ASKED, "finished_at": ASKED + HOUR, "status": status, "rows_written": 1,
        "requests": None if venue == "imported" else 7, "window_start": start, "window_end": end,
    }  # fmt: skip


@pytest.fixture(scope="module")
def accidents(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data_dir=tmp_path_factory.mktemp("accidents") / "data")
    dice = random.Random(20250410)
    listed = [instrument(venue, f"S{n}", dice) for venue in VENUES for n in range(30)]
    rates = [row for each in listed for row in (*relisted(each, dice), *settlements(each, dice))]
    rates = list(
        {(one["venue"], one["venue_symbol"], one["funding_time"]): one for one in rates}.values()
    )
    twice = [listing(one, dice) for one in listed for _ in range(dice.choice([1, 1, 1, 2]))]
    april = datetime(2025, 4, 1, tzinfo=UTC)
    log = [
        collection(venue, start, end, "failed" if venue == "failing" else "success")
        for venue in VENUES
        for start, end in ((START + 30 * 24 * HOUR, april), (april, april + 30 * 24 * HOUR))
    ]
    with Lake(settings) as lake, lake.commit("accidents", "a lake") as transaction:
        transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, listed))
        transaction.append(LISTINGS, frame_of(LISTINGS, twice))
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, rates))
        transaction.append(COLLECTION_LOG, frame_of(COLLECTION_LOG, log))
    built = ("+coverage", "+int_current_funding_rates", "+funding_rate_stats")
    outcome = run_dbt(settings, "run", "--select", *built)
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    return settings


@pytest.mark.world
@pytest.mark.parametrize("venue", VENUES)
def test_sql_names_the_very_settlements_that_the_rule_does(accidents: Settings, venue: str) -> None:
    key = ["venue_symbol", "missing_time", "kind"]
    with connect(accidents) as lake:
        ruled = missing_of(lake, venue).select(key).sort(key)
        asked = lake.execute(
            "SELECT venue_symbol, missing_time, kind FROM intermediate.int_missing_settlements "
            "WHERE venue = ?",
            [venue],
        ).pl()
    assert ruled.rows() == asked.sort(key).rows()
    kinds = set(ruled["kind"])
    if venue in ("imported", "failing"):
        assert kinds == {"between"}  # nothing is known of what was collected
    elif venue == "ccxt:mexc":
        assert kinds == {"between", "stopped"}  # nor of what the venue dropped
    else:
        assert kinds == KINDS


@pytest.mark.world
def test_sql_tells_the_listings_apart_as_the_rule_does(accidents: Settings) -> None:
    with connect(accidents) as lake:
        ruled = stored_starts(lake).rows()
        asked = lake.execute("FROM marts.listing_starts ORDER BY ALL").pl().rows()
        pooled = lake.execute(
            "SELECT count(*) FROM intermediate.int_current_funding_rates AS rates "
            "JOIN intermediate.int_current_listings AS listings USING (venue, venue_symbol) "
            "WHERE rates.funding_time < listings.since"
        ).fetchone()
    assert ruled == asked
    assert len(ruled) > 30
    assert pooled == (0,)


@pytest.mark.world
def test_coverage_and_gaps_by_name_add_up_alike(accidents: Settings) -> None:
    with connect(accidents) as lake:
        by_name = gaps_by_name(lake).group_by("venue").agg(pl.col("missing").sum())
        mart = lake.execute(
            "SELECT venue, sum(missing)::BIGINT AS missing FROM marts.coverage GROUP BY venue"
        ).pl()
        wrong = lake.execute(
            "SELECT * FROM marts.coverage WHERE expected <> present + missing OR missing < 0"
        ).fetchall()
    assert dict(by_name.iter_rows()) == dict(mart.iter_rows())
    assert len(mart) == len(VENUES)
    assert wrong == []


EXPECTED = """
SELECT venue, venue_symbol, expected - settlements - coalesce(overdue, 0) AS lacking
FROM marts.funding_rate_stats
LEFT JOIN intermediate.int_overdue_settlements USING (venue, venue_symbol, period)
WHERE period = 'all' ORDER BY ALL
"""
MISSING = """
SELECT stats.venue, stats.venue_symbol, count(missing_time) AS lacking
FROM marts.funding_rate_stats AS stats
LEFT JOIN intermediate.int_current_listings AS listings USING (venue, venue_symbol)
LEFT JOIN intermediate.int_missing_settlements AS missing
    ON missing.venue = stats.venue AND missing.venue_symbol = stats.venue_symbol
    AND kind = 'between' AND missing_time >= coalesce(since, to_timestamp(0))
WHERE period = 'all' GROUP BY ALL ORDER BY ALL
"""


@pytest.mark.world
def test_statistics_expect_no_settlement_that_coverage_does_not(accidents: Settings) -> None:
    with connect(accidents) as lake:
        expected, missing = lake.execute(EXPECTED).fetchall(), lake.execute(MISSING).fetchall()
        paused = lake.execute(
            "SELECT period, sum(paused) FROM intermediate.int_paused_settlements GROUP BY period"
        ).fetchall()
    assert expected == missing
    assert len(expected) > 100
    assert dict(paused)["all"] > dict(paused)["30d"] > 0
