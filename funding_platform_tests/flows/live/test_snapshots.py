"""The hourly look is taken from the board where that is fresh, else asked for, and says which."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import time_machine

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import to_ms
from funding_platform.flows.collection.snapshots import collect_snapshots
from funding_platform.flows.live.collector import venues_frame
from funding_platform.flows.live.latest import BOARD, VENUES, LatestWriter
from funding_platform.flows.live.snapshots import board_of, snapshot_from_board
from funding_platform.lake import connect
from funding_platform.live.board.board import Board
from funding_platform.live.statistics import FeedHealth, FeedStatistics
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.streams.updates import MarketUpdate

NOW = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, venues=("okx",))


def update(symbol: str, **said: float | None) -> MarketUpdate:
    return MarketUpdate(
        venue_symbol=symbol,
        event_ms=None,
        **{
            "predicted_rate": 1e-4,
            "interval_hours": 8.0,
            "next_funding_ms": to_ms(NOW + 4 * 60 * MINUTE),
            "mark_price": 100.0,
            "index_price": 100.1,
            "best_bid": 99.9,
            "best_ask": 100.1,
            **said,
        },  # type: ignore[arg-type]
    )


def hand_out(settings: Settings, board: Board, at: datetime = NOW, *, streamed: int = 1) -> None:
    health = FeedHealth(1, streamed, 0.1, 0, 1.0, 1.0, FeedStatistics())
    with LatestWriter(settings, NOW) as writer:
        frames = {
            BOARD: board.view().frame(at),
            VENUES: venues_frame(board.view(), {"okx": health}, at),
        }
        writer.write(frames, 1, at)


@pytest.fixture
def board() -> Board:
    board = Board()
    board.apply("okx", NOW - SECOND, [update("BTC-USDT-SWAP"), update("ETH-USDT-SWAP")])
    board.apply("bybit", NOW, [update("BTCUSDT")])
    return board


def test_rows_are_those_that_a_request_would_have_brought(settings: Settings, board: Board) -> None:
    hand_out(settings, board)
    rows = snapshot_from_board(board_of(settings), "okx", NOW)
    assert rows is not None
    assert MARKET_SNAPSHOTS.typed(rows).rows(named=True)[0] == {
        "venue": "okx",
        "venue_symbol": "BTC-USDT-SWAP",
        "snapshot_hour": NOW.replace(minute=0),
        "predicted_rate": 1e-4,
        "interval_hours": 8.0,
        "next_funding_time": NOW + 4 * 60 * MINUTE,
        "mark_price": 100.0,
        "index_price": 100.1,
        "open_interest_base": None,
        "open_interest_usd": None,
        "volume_24h_usd": None,
        "best_bid": 99.9,
        "best_ask": 100.1,
        "spread_bps": pytest.approx(20.0),
        "latency_ms": None,
        "observed_at": NOW - SECOND,
    }
    assert rows["venue_symbol"].to_list() == ["BTC-USDT-SWAP", "ETH-USDT-SWAP"]


def test_an_interval_that_was_inferred_is_not_stated(settings: Settings) -> None:
    board = Board()
    for hours in (1, 5):
        due = to_ms(NOW + hours * 60 * MINUTE)
        board.apply("okx", NOW, [update("BTC-USDT-SWAP", interval_hours=None, next_funding_ms=due)])
    hand_out(settings, board)
    assert board.view().frame(NOW)["interval_hours"].to_list() == [4.0]
    rows = snapshot_from_board(board_of(settings), "okx", NOW)
    assert rows is not None
    assert rows["interval_hours"].to_list() == [None]


@pytest.mark.parametrize(
    "why",
    ["silent", "stopped", "polled", "hour before", "impossible", "other venue"],
)
def test_a_venue_is_asked_where_its_board_is_not_whole(settings: Settings, why: str) -> None:
    board, asked_at = Board(), NOW
    board.apply("okx", NOW, [update("BTC-USDT-SWAP")])
    match why:
        case "silent":
            board.apply("okx", NOW - 2 * MINUTE, [update("ETH-USDT-SWAP")])
        case "impossible":
            board.apply("okx", NOW, [update("ETH-USDT-SWAP", best_bid=-1.0)])
        case "stopped":
            asked_at = NOW + MINUTE
        case "hour before":
            asked_at = NOW.replace(hour=13, minute=0, second=10)
            board.apply("okx", asked_at - 20 * SECOND, [update("BTC-USDT-SWAP")])
    hand_out(
        settings,
        board,
        NOW if why == "stopped" else asked_at,
        streamed=0 if why == "polled" else 1,
    )
    venue = "bybit" if why == "other venue" else "okx"
    assert snapshot_from_board(board_of(settings), venue, asked_at) is None


def test_without_a_collector_a_venue_is_asked(settings: Settings) -> None:
    assert snapshot_from_board(board_of(settings), "okx", NOW) is None


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=2, now=NOW)) as running:
        yield running


@pytest.mark.parametrize(
    ("live", "source", "asked"), [(True, "board", False), (False, "requests", True)]
)
def test_the_log_says_where_rows_are_from(
    tmp_path: Path, sandbox: RunningSandbox, board: Board, live: bool, source: str, asked: bool
) -> None:
    settings = Settings(data_dir=tmp_path, venue_urls=sandbox.venue_urls, live=live)
    with time_machine.travel(NOW, tick=False):
        hand_out(settings, board)
        collect_snapshots(["okx"], settings, "run")
    with connect(settings) as lake:
        (told,) = lake.execute(
            "SELECT source, status, requests > 0 FROM core.collection_log"
        ).fetchall()
        stored = lake.execute("SELECT DISTINCT snapshot_hour FROM core.market_snapshots").pl()
    assert told == (source, "success", asked)
    assert stored["snapshot_hour"].to_list() == [NOW.replace(minute=0)]


def test_what_is_stored_can_be_read_as_a_frame(settings: Settings, board: Board) -> None:
    hand_out(settings, board)
    rows = snapshot_from_board(board_of(settings), "okx", NOW)
    assert rows is not None
    assert rows.schema == pl.Schema(MARKET_SNAPSHOTS.polars_schema)
