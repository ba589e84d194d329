"""The collector over real sockets: what streams and REST bring is handed out and judged."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.time_grid import Window
from funding_platform.flows.checks.live import board_fresh
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.collector import collect_live_async, collect_live_for, sources_of
from funding_platform.flows.live.latest import (
    BOARD,
    PAIRS,
    STRIPS,
    VENUES,
    Latest,
    read_latest,
)
from funding_platform.sandbox.faults import Status
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues import open_venue

STREAMED, POLLED = "bybit", "drift"
SYMBOLS = 5


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=SYMBOLS)) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, sandbox: RunningSandbox) -> Settings:
    return Settings(
        data_dir=tmp_path,
        venues=(STREAMED, POLLED),
        venue_urls=sandbox.venue_urls,
        rate_limit_scale=1000.0,
    )


async def handed_out(settings: Settings, wanted: Callable[[Latest], bool]) -> Latest:
    """Run the collector until it has handed out what is wanted."""
    collector = asyncio.create_task(collect_live_async(settings, "run"))
    try:
        while True:
            if collector.done():
                collector.result()
            try:
                latest = await asyncio.to_thread(read_latest, settings)
            except NotLiveError:
                latest = None
            if latest is not None and wanted(latest):
                return latest
            await asyncio.sleep(0.05)
    finally:
        collector.cancel()
        await asyncio.gather(collector, return_exceptions=True)


def of(latest: Latest, venue: str) -> dict[str, object]:
    return latest.frames[VENUES].row(by_predicate=pl.col("venue") == venue, named=True)


def test_streams_and_polled_venues_stand_on_one_board(settings: Settings) -> None:
    latest = asyncio.run(
        handed_out(
            settings,
            lambda seen: (
                of(seen, STREAMED)["source"] == "stream"
                and of(seen, STREAMED)["instruments"] == SYMBOLS
                and of(seen, POLLED)["instruments"] == SYMBOLS
            ),
        )
    )
    assert of(latest, POLLED)["source"] == "rest"
    board = latest.frames[BOARD]
    assert board.group_by("venue").len().sort("venue").rows() == [
        (STREAMED, SYMBOLS),
        (POLLED, SYMBOLS),
    ]
    assert board["predicted_rate"].null_count() == 0
    assert PAIRS not in latest.frames  # dbt has built nothing yet
    answer = board_fresh(latest, latest.at)
    assert answer.passed, answer.verdict


def test_what_is_handed_out_is_what_requests_tell(settings: Settings) -> None:
    """Facts that do not move between the two looks."""

    async def asked() -> pl.DataFrame:
        async with open_venue(STREAMED, settings=settings) as venue:
            return await venue.market_snapshot()

    latest = asyncio.run(
        handed_out(settings, lambda seen: of(seen, STREAMED)["instruments"] == SYMBOLS)
    )
    columns = ["venue_symbol", "interval_hours", "next_funding_time"]
    board = latest.frames[BOARD].filter(venue=STREAMED).select(columns).sort("venue_symbol")
    assert board.equals(asyncio.run(asked()).select(columns).sort("venue_symbol"))


def test_curves_move_with_the_board_once_something_has_settled(settings: Settings) -> None:
    now = datetime.now(UTC)
    collect_history(STREAMED, Window(now - timedelta(days=5), now), settings, "run")
    latest = asyncio.run(
        handed_out(
            settings,
            lambda seen: (
                STRIPS in seen.frames
                and seen.frames[STRIPS].filter(venue=STREAMED).height == SYMBOLS
            ),
        )
    )
    strips, board = (latest.frames[name].filter(venue=STREAMED) for name in (STRIPS, BOARD))
    assert strips["kind"].unique().to_list() == ["live"]
    assert strips.select(BUCKETS).null_count().row(0) == (0,) * 8
    # b0 is the predicted rate compounded over the 8-hour windows of a year.
    expected = {
        symbol: (1 + rate * 8 / hours) ** 1095 - 1
        for symbol, rate, hours in board.select(
            "venue_symbol", "predicted_rate", "interval_hours"
        ).iter_rows()
        if hours == 8
    }
    shown = dict(strips.select("venue_symbol", "b0").iter_rows())
    assert expected
    assert {symbol: shown[symbol] for symbol in expected} == pytest.approx(expected)


def test_a_venue_that_is_down_is_named_and_the_other_goes_on(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    sandbox.inject(Status(venue=POLLED, status=503))
    try:
        latest = asyncio.run(
            handed_out(
                settings,
                lambda seen: (
                    of(seen, POLLED)["trouble"] is not None
                    and of(seen, STREAMED)["instruments"] == SYMBOLS
                ),
            )
        )
    finally:
        sandbox.clear()
    answer = board_fresh(latest, latest.at)
    assert not answer.passed
    assert answer.verdict.startswith(f"1 of 2 venues are live; {POLLED}: ")


def test_it_stops_by_itself_when_asked_to(settings: Settings) -> None:
    asyncio.run(collect_live_for(settings, "run", 0.2))


def test_every_registered_venue_is_a_source(tmp_path: Path) -> None:
    sources = {source.name: source for source in sources_of(Settings(data_dir=tmp_path))}
    assert sources["binance"].stream is not None
    assert sources["coingecko"].stream is None


def test_streams_of_a_sandbox_lie_below_its_address(settings: Settings) -> None:
    (source,) = (one for one in sources_of(settings) if one.name == STREAMED)
    assert source.stream_url is not None
    assert source.stream_url.startswith("ws://127.0.0.1")
