"""The record in a real lake: nothing doubled and nothing torn, whoever writes or is killed."""

import asyncio
import math
import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import time_machine

from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.flows.live import recording
from funding_platform.flows.live.recording import Recorder, record_board, store_minutes
from funding_platform.lake import connect
from funding_platform.lake.connection import commit_lock
from funding_platform.lake.errors import InvalidFrameError, LakeError
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.live.board.board import Board
from funding_platform.live.minutes import Minutes
from funding_platform.settings import Settings
from funding_platform.venues.streams.updates import MarketUpdate

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VENUES = ("binance", "bybit")
SYMBOLS = 30

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def market(board: Board, at: datetime, rate: float, symbols: int = SYMBOLS) -> None:
    for venue in VENUES:
        updates = [
            MarketUpdate(venue_symbol=f"S{number}", predicted_rate=rate)
            for number in range(symbols)
        ]
        board.apply(venue, at, updates)


def minute(number: int, rate: float = 1e-4, symbols: int = SYMBOLS) -> pl.DataFrame:
    """The rows of a minute after noon."""
    board, start = Board(), NOON + number * MINUTE
    minutes = Minutes(MINUTE, board.view(), start)
    market(board, start, rate, symbols)
    return minutes.close(board.view(), start + MINUTE)


def held(settings: Settings) -> pl.DataFrame:
    with connect(settings) as lake:
        return LIVE_RATES.typed(lake.sql(f"FROM {LIVE_RATES.full_name}").pl())


def commits(settings: Settings) -> int:
    with connect(settings) as lake:
        row = lake.sql("SELECT count(*) FROM ducklake_snapshots('lake')").fetchone()
    return int(row[0]) if row else 0


def store(recorder: Recorder, rows: pl.DataFrame) -> int:
    recorder.keep(rows)
    return asyncio.run(recorder.write())


def test_all_venues_are_committed_at_once(settings: Settings) -> None:
    store_minutes([minute(0)], settings, "live-1")
    before = commits(settings)
    assert store_minutes([minute(1)], settings, "live-1") == len(VENUES) * SYMBOLS
    assert commits(settings) == before + 1
    rows = held(settings)
    assert rows.group_by("venue").len()["len"].to_list() == [2 * SYMBOLS] * 2


def test_what_is_there_is_left_alone_and_gaps_are_filled(settings: Settings) -> None:
    store_minutes([minute(0, rate=1e-4, symbols=10)], settings, "live-1")
    assert store_minutes([minute(0, rate=9e-4)], settings, "live-2") == 2 * (SYMBOLS - 10)
    assert store_minutes([minute(0, rate=5e-4)], settings, "live-1") == 0
    rows = held(settings)
    assert rows.select(LIVE_RATES.key).is_duplicated().sum() == 0
    assert sorted(rows.group_by("predicted_rate_last").len().rows()) == [(1e-4, 20), (9e-4, 40)]


def test_what_cannot_be_written_waits_and_goes_with_the_next(settings: Settings) -> None:
    Lake(settings).connection.close()
    impatient = settings.model_copy(update={"lock_timeout_seconds": 0.05})
    recorder = Recorder(impatient, "live-1")
    with commit_lock(settings):
        assert store(recorder, minute(0)) == 0
    assert recorder.waiting == 1
    assert store(recorder, minute(1)) == 2 * len(VENUES) * SYMBOLS
    assert recorder.waiting == 0
    assert set(held(settings)["minute_time"]) == {NOON, NOON + MINUTE}


def test_what_waits_is_bounded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_WAITING", 2)
    Lake(settings).connection.close()
    recorder = Recorder(settings.model_copy(update={"lock_timeout_seconds": 0.01}), "live-1")
    with commit_lock(settings):
        for number in range(3):
            store(recorder, minute(number, symbols=1))
    assert recorder.waiting == 2
    assert store(recorder, LIVE_RATES.empty()) == 4
    assert held(settings)["minute_time"].min() == NOON + MINUTE, "the oldest was given up"


def test_a_span_that_cannot_be_is_given_up_and_the_next_is_written(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(settings, "live-1")
    bad = minute(0).with_columns(updates=pl.lit(-1, pl.Int64))
    with pytest.raises(InvalidFrameError, match="updates"):
        store_minutes([bad], settings, "live-1")
    assert store(recorder, bad) == 0
    assert recorder.waiting == 0
    assert "updates" in caplog.text
    assert store(recorder, minute(1)) == len(VENUES) * SYMBOLS


def test_rows_that_cannot_be_cost_their_venue_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(settings, "live-1")
    of_binance = pl.col("venue") == "binance"
    bad = minute(0).with_columns(mark_price=pl.when(of_binance).then(pl.lit(math.inf)))
    assert store(recorder, bad) == SYMBOLS
    assert held(settings)["venue"].unique().to_list() == ["bybit"]
    assert "binance" in caplog.text
    assert "mark_price" in caplog.text


def test_the_board_is_recorded_while_it_runs(settings: Settings) -> None:
    """With the real clock, at the shortest interval that the settings know."""
    quick = settings.model_copy(update={"live_record_seconds": 1})
    board = Board()

    async def run() -> None:
        async with asyncio.timeout(60):
            recorder = asyncio.create_task(record_board(board, quick, "live-1"))
            while not (quick.lake_dir.exists() and (held_if_any(quick)["updates"] > 0).any()):
                market(board, datetime.now(UTC), 1e-4)
                await asyncio.sleep(0.05)
            recorder.cancel()
            await asyncio.gather(recorder, return_exceptions=True)

    asyncio.run(run())
    rows = held(settings)
    assert set(rows["venue"]) == set(VENUES)
    assert (rows["available_at"] >= rows["minute_time"] + timedelta(seconds=1)).all()


@pytest.mark.world
def test_spans_that_end_while_the_lake_is_locked_are_recorded(settings: Settings) -> None:
    quick = settings.model_copy(update={"live_record_seconds": 1})
    store_minutes([minute(0)], settings, "live-0")
    board, second = Board(), timedelta(seconds=1)

    async def speak_until(reached: Callable[[], bool]) -> None:
        while not reached():
            market(board, datetime.now(UTC), 1e-4)
            await asyncio.sleep(0.05)

    async def run() -> tuple[datetime, datetime]:
        async with asyncio.timeout(120):
            recorder = asyncio.create_task(record_board(board, quick, "live-1"))
            with commit_lock(settings):
                locked = datetime.now(UTC)
                await speak_until(lambda: datetime.now(UTC) > locked + 5 * second)
                freed = datetime.now(UTC)
            await speak_until(lambda: (held(settings)["minute_time"] > freed).any())
            recorder.cancel()
            await asyncio.gather(recorder, return_exceptions=True)
        return locked, freed

    locked, freed = asyncio.run(run())
    within = (pl.col("minute_time") >= locked) & (pl.col("minute_time") <= freed - second)
    recorded = held(settings).filter(within)["minute_time"].n_unique()
    assert recorded >= 3, "a busy machine may miss one of the four or five"


def held_if_any(settings: Settings) -> pl.DataFrame:
    try:
        return held(settings)
    except LakeError:  # it is being made
        return LIVE_RATES.empty()


def write_until_killed(
    settings: Settings, first: int, started: "multiprocessing.Queue[int]"
) -> None:
    """One minute after another, as a collector would that lives faster."""
    number = first
    while True:
        store_minutes([minute(number)], settings, f"live-{os.getpid()}")
        started.put(number)
        number += 1


@pytest.mark.world
def test_a_killed_writer_leaves_whole_minutes_and_its_successor_goes_on(
    settings: Settings,
) -> None:
    Lake(settings).connection.close()
    following = 0
    for kill in range(3):
        reported: multiprocessing.Queue[int] = SPAWN.Queue()  # one that was killed may hold it
        writer = SPAWN.Process(target=write_until_killed, args=(settings, following, reported))
        writer.start()
        for _ in range(kill + 1):
            reported.get(timeout=120)
        writer.kill()
        writer.join()
        following = held(settings)["minute_time"].n_unique() - 1  # the last is written again
    rows = held(settings)
    assert rows.select(LIVE_RATES.key).is_duplicated().sum() == 0
    sizes = rows.group_by("minute_time").len()
    assert set(sizes["len"]) == {len(VENUES) * SYMBOLS}, "a minute is whole or absent"
    numbers = [(time - NOON) // MINUTE for time in sizes["minute_time"].sort()]
    assert numbers == list(range(len(numbers))), "none was lost between them"


@pytest.mark.world
def test_two_collectors_at_once_double_nothing(settings: Settings) -> None:
    Lake(settings).connection.close()
    reported: multiprocessing.Queue[int] = SPAWN.Queue()
    writers = [
        SPAWN.Process(target=write_until_killed, args=(settings, 0, reported)) for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    seen = [reported.get(timeout=120) for _ in range(10)]
    for writer in writers:
        writer.kill()
        writer.join()
    rows = held(settings)
    assert rows.select(LIVE_RATES.key).is_duplicated().sum() == 0
    assert rows.group_by("minute_time").len().height > max(seen)


@pytest.fixture
def a_day_of_minutes(settings: Settings) -> Settings:
    """Forty days ago three hours, and yesterday one, by ten minutes."""
    with time_machine.travel(NOON + timedelta(days=41)):
        old = [minute(10 * number, symbols=1) for number in range(18)]
        new = [minute(40 * 24 * 60 + 10 * number, symbols=1) for number in range(6)]
        store_minutes(old + new, settings, "live-1")
    return settings


@pytest.mark.world
def test_of_older_hours_the_last_minute_is_kept(a_day_of_minutes: Settings) -> None:
    settings = a_day_of_minutes
    now = NOON + timedelta(days=41)
    maintain(settings, keep_days=0, now=now, trust_clock=True)
    kept = held(settings).filter(venue="binance")["minute_time"].sort().to_list()
    assert kept[:3] == [NOON + timedelta(minutes=60 * hour + 50) for hour in range(3)]
    assert len(kept) == 3 + 6
    forever = settings.model_copy(update={"live_minute_days": 0})
    maintain(forever, keep_days=0, now=now + timedelta(days=90), trust_clock=True)
    assert held(settings).filter(venue="binance").height == 9
