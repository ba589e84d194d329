"""The rule of completeness in SQL beside the one in ``core.completeness``, on a lake of losses."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.core.tables import COLLECTION_LOG, FUNDING_RATES, INSTRUMENTS
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.gaps import gaps_by_name, missing_of
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import Row, frame_of
from funding_platform_tests.dbt.runner import run_dbt

START = datetime(2025, 1, 1, tzinfo=UTC)
ASKED = datetime(2025, 4, 10, 9, 12, tzinfo=UTC)
VENUES = ("binance", "okx", "ccxt:mexc", "ccxt:gate", "imported", "failing")
KINDS = {"between", "opening", "stopped", "silent"}


def instrument(venue: str, symbol: str, dice: random.Random) -> Row:
    hours = dice.choice([1.0, 2.0, 4.0, 8.0, 24.0, None])
    listed = START + timedelta(days=dice.uniform(-60, 90))
    return {
        "venue": venue, "venue_symbol": symbol, "base": symbol, "quote": "USDT", "multiplier": 1.0,
        "contract_type": "linear", "interval_hours": hours,
        "status": dice.choice(["trading", "trading", "trading", "halted", "delisted", "unknown"]),
        "listed_at": dice.choice([listed, listed, listed, None]),
        "first_seen_at": listed,
        "last_seen_at": ASKED - dice.choice([0, 0, 0, 1, 26, 700]) * HOUR,
    }  # fmt: skip


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
        if dice.random() > 0.05 and due <= until:
            late = timedelta(seconds=dice.choice([0, 0, 0, 7, 45]))
            yield {
                "venue": listed["venue"], "venue_symbol": listed["venue_symbol"],
                "funding_time": due + late, "venue_time": due, "funding_rate": 1e-4,
                "interval_hours": dice.choice([hours] * 30 + [None]), "interval_inferred": False,
                "observed_at": ASKED,
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
    rates = [row for each in listed for row in settlements(each, dice)]
    april = datetime(2025, 4, 1, tzinfo=UTC)
    log = [
        collection(venue, start, end, "failed" if venue == "failing" else "success")
        for venue in VENUES
        for start, end in ((START + 30 * 24 * HOUR, april), (april, april + 30 * 24 * HOUR))
    ]
    with Lake(settings) as lake, lake.commit("accidents", "a lake") as transaction:
        transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, listed))
        transaction.append(FUNDING_RATES, frame_of(FUNDING_RATES, rates))
        transaction.append(COLLECTION_LOG, frame_of(COLLECTION_LOG, log))
    outcome = run_dbt(settings, "run", "--select", "+coverage")
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    return settings


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
