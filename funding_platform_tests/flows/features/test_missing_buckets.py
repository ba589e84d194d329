"""The check on missing buckets, over curves whose gaps are known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from duckdb import DuckDBPyConnection

from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.flows.checks.lake import few_missing_buckets
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ROLLS = 100


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake(Settings(data_dir=tmp_path)) as lake:
        yield lake


def store(lake: Lake, holes: dict[int, dict[str, object]], venue: str = "v") -> None:
    """One instrument's settled curves, the last now; ``holes`` by rolls before the last."""
    rows = [
        {
            "venue": venue,
            "venue_symbol": "S",
            "as_of": NOW - timedelta(hours=8 * back),
            "kind": "settled",
            **dict.fromkeys(BUCKETS, 0.1),
            "n_interpolated": 0,
            "usable": True,
            "available_at": NOW - timedelta(hours=8 * back),
            **holes.get(back, {}),
        }
        for back in range(ROLLS)
    ]
    with lake.commit("run", "curves") as transaction:
        transaction.append(
            CURVE_SNAPSHOTS, pl.DataFrame(rows, schema=CURVE_SNAPSHOTS.polars_schema)
        )


def ask(connection: DuckDBPyConnection) -> tuple[bool, object]:
    answer = few_missing_buckets(connection, NOW)
    return answer.passed, answer.figures.get("missing")


def test_whole_curves_pass(lake: Lake) -> None:
    store(lake, {})
    assert ask(lake.connection) == (True, 0)


def test_both_the_missing_and_the_interpolated_count(lake: Lake) -> None:
    """30 days are 91 curves, the edge included, so 728 buckets: 14 are under 2 %, 15 are not."""
    store(lake, {0: {"b0": None, "n_interpolated": 6}, 5: {"n_interpolated": 6, "b7": None}})
    assert ask(lake.connection) == (True, 14)


def test_too_many_fail_and_the_worst_venue_is_named(lake: Lake) -> None:
    store(lake, {})
    store(lake, {back: dict.fromkeys(BUCKETS) for back in range(40)}, venue="gappy")
    answer = few_missing_buckets(lake.connection, NOW)
    assert not answer.passed
    assert "most on gappy" in answer.verdict
    assert answer.figures["missing"] == 40 * 8


def test_what_is_older_or_before_the_eighth_window_does_not_count(lake: Lake) -> None:
    store(lake, {back: dict.fromkeys(BUCKETS) for back in (91, 95, 99)})
    assert ask(lake.connection) == (True, 0)


def test_no_curves_at_all_fail(lake: Lake) -> None:
    answer = few_missing_buckets(lake.connection, NOW)
    assert (answer.passed, answer.verdict) == (False, "no settled curve in the last 30 days")
