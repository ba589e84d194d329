"""Replacing, upserting and appending on a real lake."""

import resource
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.lake import connect
from funding_platform.lake.errors import (
    DoubledKeysError,
    EmptyFrameError,
    InvalidFrameError,
    LakeMissingError,
)
from funding_platform.lake.staged import StagedFrames
from funding_platform.lake.transaction import Transaction
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import JANUARY, january_of, rates

KEY = list(FUNDING_RATES.key)


def stored(lake: Lake) -> pl.DataFrame:
    return lake.read("SELECT * FROM core.funding_rates").sort(KEY)


def resident_mib() -> float:
    """Memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def test_what_is_written_is_read_back(settings: Settings) -> None:
    frame = rates()
    with Lake(settings) as lake:
        with lake.commit("run-1", "first") as transaction:
            assert transaction.replace(FUNDING_RATES, frame, january_of()) == frame.height
        assert stored(lake).equals(frame.sort(KEY))


@pytest.mark.world
def test_a_transaction_lets_go_of_what_it_has_written(settings: Settings) -> None:
    """What a large import writes in one transaction may be more than the memory."""
    symbols = pl.DataFrame({"number": range(120)})
    frame = (
        rates(symbols=1, hours=744)
        .join(symbols, how="cross")
        .with_columns(pl.format("S{}", "number").alias("venue_symbol"))
        .drop("number")
    )
    with Lake(settings) as lake, lake.commit("run", "large") as transaction:
        held = []
        for _ in range(8):
            transaction.append(FUNDING_RATES, frame)
            held.append(resident_mib())
    assert held[-1] - held[1] < 3 * frame.estimated_size("mb")


def test_a_replacement_touches_its_partition_only(settings: Settings) -> None:
    with Lake(settings) as lake:
        for venue in ("binance", "okx"):
            with lake.commit("run", venue) as transaction:
                transaction.replace(FUNDING_RATES, rates(venue), january_of(venue))
        with lake.commit("run", "again") as transaction:
            transaction.replace(FUNDING_RATES, rates(rate=2e-4, hours=3), january_of())
        by_venue = stored(lake).group_by("venue").agg(pl.len(), pl.col("funding_rate").max())
        assert sorted(by_venue.rows()) == [("binance", 6, 2e-4), ("okx", 10, 1e-4)]


@hypothesis_settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(symbols=st.integers(1, 4), hours=st.integers(1, 30), rate=st.floats(-0.2, 0.2))
def test_writing_twice_equals_writing_once(
    settings: Settings, symbols: int, hours: int, rate: float
) -> None:
    frame = rates(symbols=symbols, hours=hours, rate=rate)
    with Lake(settings) as lake:
        for _ in range(2):
            with lake.commit("run", "same") as transaction:
                transaction.replace(FUNDING_RATES, frame, january_of())
        assert stored(lake).equals(frame.sort(KEY))


def test_the_run_is_named_by_the_snapshot(settings: Settings) -> None:
    with Lake(settings) as lake:
        with lake.commit("run-42", "history of binance") as transaction:
            transaction.replace(FUNDING_RATES, rates(), january_of())
        last = lake.read("SELECT author, commit_message FROM lake.snapshots() ORDER BY snapshot_id")
        assert last.row(-1) == ("run-42", "run-42: history of binance")


def test_a_commit_carries_what_programs_are_to_know_of_it(settings: Settings) -> None:
    with Lake(settings) as lake:
        with lake.commit("run", "noted", extra={"read": 7}) as transaction:
            transaction.replace(FUNDING_RATES, rates(), january_of())
        with lake.commit("run", "nothing to note") as transaction:
            transaction.replace(FUNDING_RATES, rates(hours=2), january_of())
        noted = lake.read("SELECT commit_extra_info FROM lake.snapshots() ORDER BY snapshot_id")
        assert noted["commit_extra_info"].to_list()[-2:] == ['{"read": 7}', None]


def test_rows_have_the_types_that_are_declared(settings: Settings) -> None:
    frame = rates().sort(KEY)
    venue = frame["venue"][0]
    with Lake(settings) as lake:
        assert lake.rows(FUNDING_RATES).schema == FUNDING_RATES.polars_schema
        with lake.commit("run", "rows") as transaction:
            transaction.replace(FUNDING_RATES, frame, january_of())
        assert lake.rows(FUNDING_RATES).sort(KEY).equals(frame)
        assert lake.rows(FUNDING_RATES, "venue <> ?", [venue]).is_empty()
        times = lake.rows(FUNDING_RATES, columns=("funding_time",))
        assert times.schema == {"funding_time": FUNDING_RATES.polars_schema["funding_time"]}


def test_time_travel_by_snapshot_and_by_instant(settings: Settings) -> None:
    with Lake(settings) as lake:
        with lake.commit("run", "old") as transaction:
            transaction.replace(FUNDING_RATES, rates(rate=1e-4), january_of())
        old = lake.snapshot_id()
        (moment,) = lake.read("SELECT max(snapshot_time) FROM lake.snapshots()").row(0)
        with lake.commit("run", "new") as transaction:
            transaction.replace(FUNDING_RATES, rates(rate=3e-4), january_of())
    for as_of, rate in ((old, 1e-4), (moment + timedelta(microseconds=1), 1e-4), (None, 3e-4)):
        with connect(settings, as_of=as_of) as connection:
            answer = connection.sql("SELECT max(funding_rate) FROM core.funding_rates").fetchone()
        assert answer == (rate,)


@pytest.mark.parametrize(
    ("change", "rule", "column"),
    [
        (pl.col("funding_rate") * 1e5, "at most 0.25", "funding_rate"),
        (pl.lit(float("nan")).alias("funding_rate"), "finite", "funding_rate"),
        (pl.lit(None, dtype=pl.Float64).alias("funding_rate"), "not null", "funding_rate"),
        (pl.lit(0.0).alias("interval_hours"), "at least 0.001", "interval_hours"),
        (pl.lit("x").alias("funding_rate"), "type: funding_rate is String", "funding_rate"),
        (pl.lit("S").alias("venue_symbol"), "unique key", "venue_symbol"),
        (pl.all().first(), "unique key", "venue_symbol"),
        (pl.lit(1).alias("surprise"), "not declared", "surprise"),
    ],
)
def test_a_bad_frame_names_rule_rows_and_columns_and_changes_nothing(
    settings: Settings, change: pl.Expr, rule: str, column: str
) -> None:
    good = rates()
    with Lake(settings) as lake:
        with lake.commit("run", "good") as transaction:
            transaction.replace(FUNDING_RATES, good, january_of())
        with (
            pytest.raises(InvalidFrameError, match=rule) as caught,
            lake.commit("run", "bad") as transaction,
        ):
            transaction.replace(FUNDING_RATES, good.with_columns(change), january_of())
        assert column in caught.value.message
        assert stored(lake).equals(good.sort(KEY))


def test_a_row_outside_its_partition_is_refused(settings: Settings) -> None:
    late = rates().with_columns(pl.col("funding_time") + timedelta(days=31))
    with (
        Lake(settings) as lake,
        pytest.raises(InvalidFrameError, match="outside venue binance"),
        lake.commit("run", "late") as transaction,
    ):
        transaction.replace(FUNDING_RATES, late, january_of())


def test_an_empty_answer_replaces_nothing_unless_proven(settings: Settings) -> None:
    with Lake(settings) as lake:
        with lake.commit("run", "good") as transaction:
            transaction.replace(FUNDING_RATES, rates(), january_of())
        with pytest.raises(EmptyFrameError), lake.commit("run", "empty") as transaction:
            transaction.replace(FUNDING_RATES, FUNDING_RATES.empty(), january_of())
        assert stored(lake).height == 10
        with lake.commit("run", "proven") as transaction:
            transaction.replace(
                FUNDING_RATES, FUNDING_RATES.empty(), january_of(), proven_empty=True
            )
        assert stored(lake).is_empty()


def test_an_upsert_updates_known_keys_and_keeps_first_seen(settings: Settings) -> None:
    def listing(symbol: str, tick: float, day: int) -> pl.DataFrame:
        seen = JANUARY.start + timedelta(days=day)
        row = {
            "venue": "okx",
            "venue_symbol": symbol,
            "base": "BTC",
            "quote": "USDT",
            "multiplier": 1.0,
            "contract_type": "linear",
            "tick_size": tick,
            "status": "trading",
            "first_seen_at": seen,
            "last_seen_at": seen,
        }
        return INSTRUMENTS.conform(pl.DataFrame([row])).cast(INSTRUMENTS.polars_schema)

    with Lake(settings) as lake:
        for day, frame in enumerate(
            [
                listing("A", 0.1, 0),
                pl.concat([listing("A", 0.2, 1), listing("B", 0.5, 1)]),
            ]
        ):
            with lake.commit("run", f"day {day}") as transaction:
                transaction.upsert(INSTRUMENTS, frame, keep=("first_seen_at",))
        kept = lake.read(
            "SELECT venue_symbol, tick_size, day(first_seen_at), day(last_seen_at) "
            "FROM core.instruments ORDER BY 1"
        )
        assert kept.rows() == [("A", 0.2, 1, 2), ("B", 0.5, 2, 2)]


def test_reading_before_anything_is_stored_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(LakeMissingError, match="make demo"):
        connect(settings)


def test_the_lake_opens_where_it_was_moved_to(settings: Settings) -> None:
    with Lake(settings) as lake, lake.commit("run", "here") as transaction:
        transaction.replace(FUNDING_RATES, rates(symbols=50, hours=24), january_of())
    elsewhere = settings.data_dir.with_name("elsewhere")
    settings.data_dir.rename(elsewhere)
    with connect(Settings(data_dir=elsewhere)) as connection:
        counted = connection.sql("SELECT count(*) FROM core.funding_rates").fetchone()
    assert counted == (1_200,)


class _Undeleting:
    """A connection that passes over every DELETE, as a fault of the lake might."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, statement: str, *parameters: Any) -> duckdb.DuckDBPyConnection:
        if statement.startswith("DELETE"):
            statement, parameters = "SELECT 1", ()
        return self._connection.execute(statement, *parameters)


def test_rows_that_a_replacement_would_leave_are_seen_where_keys_are_verified(
    settings: Settings,
) -> None:
    frame = rates()
    with Lake(settings) as lake:
        with lake.commit("run", "first") as tx:
            tx.replace(FUNDING_RATES, frame, january_of())
        connection: Any = _Undeleting(lake.connection)
        careful = Transaction(connection, StagedFrames(lake.connection), verifies_keys=True)
        with pytest.raises(DoubledKeysError, match=r"would hold 20 rows in .*, of which 10 are"):
            careful.replace(FUNDING_RATES, frame, january_of())
        assert lake.rows(FUNDING_RATES).height == frame.height
