"""Hour after hour of a market's time: what is kept of it is bounded, and as much as before."""

import asyncio
import gc
import heapq
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from funding_platform.core.system.clock import Clock
from funding_platform.core.time_grid import HOUR, to_ms
from funding_platform.live.board.board import Board
from funding_platform.live.links import Linking, Links
from funding_platform.live.minutes import Minutes
from funding_platform.live.movers import RatesBefore
from funding_platform.live.strip import LiveStrips
from funding_platform.venues.errors import ConnectionFailedError
from funding_platform.venues.streams.events import Event, Gap, Updates
from funding_platform.venues.streams.transport import Transport
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.live.test_strip import history
from funding_platform_tests.venues.streams.plain import PlainBybit, listed

START = datetime(2025, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SYMBOLS = [f"S{number}" for number in range(40)]

FEW = 400
"""Blocks of memory that come and go: of what the libraries keep for themselves. One thing that is
kept of each minute would be a multiple of it after some hours."""


def blocks() -> int:
    """The blocks of memory that Python holds, once all that nobody holds is let go."""
    for _ in range(3):
        gc.collect()
    return sys.getallocatedblocks()


def minute_of(number: int) -> list[MarketUpdate]:
    """What a venue says in a minute; each value is another one than before, some come late."""
    now_ms = to_ms(START + number * MINUTE)
    return [
        MarketUpdate(
            venue_symbol=symbol,
            event_ms=now_ms - 120_000 * (place % 5 == 0),
            predicted_rate=1e-4 + 1e-7 * ((number + place) % 97),
            interval_hours=8.0,
            next_funding_ms=to_ms(START + (number // 480 + 1) * 8 * HOUR),
            mark_price=100.0 + number / 7 + place,
            best_bid=None if number % 3 else 99.0 + number,
        )
        for place, symbol in enumerate(SYMBOLS)
    ]


@pytest.mark.world
def test_a_board_and_what_follows_it_hold_no_more_after_some_hours_than_after_one() -> None:
    board, before = Board(), RatesBefore()
    strips = LiveStrips(history(), "update")
    minutes = Minutes(MINUTE, board.view(), START)
    held = []
    for number in range(5 * 60):
        now = START + number * MINUTE
        board.apply("binance", now, minute_of(number))
        if number % 50 == 0:
            board.mark_gap("binance", None, "cut", now)
        view = board.view()
        minutes.close(view, now)
        before.note(view, now)
        if number % 6 == 0:
            strips.observe(view, now)
        if number % 60 == 59:
            held.append(blocks())
    assert max(held[1:]) - held[0] < FEW, held


@pytest.mark.world
def test_a_board_that_nobody_looks_at_holds_no_more() -> None:
    board = Board()
    board.apply("binance", START, minute_of(0))
    board.view()
    held = []
    for number in range(3 * 60):
        said, now = minute_of(number), START + number * MINUTE
        for _ in range(20):
            board.apply("binance", now, said)
        if number % 30 == 29:
            board.gaps()
            held.append(blocks())
    assert max(held[1:]) - held[0] < FEW, held


@dataclass
class LeapingClock:
    """Time that passes as soon as everybody waits for it."""

    now: float = 0.0
    sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + seconds, next(self.numbers), woken))
        await woken

    async def leap(self, until: float) -> None:
        """Let time pass until a moment."""
        while True:
            for _ in range(12):
                await asyncio.sleep(0)
            if not self.sleepers or self.sleepers[0][0] > until:
                self.now = until
                return
            self.now, _, woken = heapq.heappop(self.sleepers)
            if not woken.done():
                woken.set_result(None)

    @property
    def clock(self) -> Clock:
        return Clock(
            timer=lambda: self.now,
            sleep=self.sleep,
            now=lambda: START + timedelta(seconds=self.now),
        )


@dataclass
class Cut:
    """A venue that speaks every five seconds, and cuts each connection after 30 of them."""

    time: LeapingClock

    @asynccontextmanager
    async def __call__(
        self, venue: str, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[Transport]:
        yield Speaking(self.time, self.time.now + 30.0)


@dataclass
class Speaking:
    time: LeapingClock
    ends: float

    async def send(self, message: str) -> None: ...

    async def receive(self) -> str | bytes:
        await self.time.sleep(5.0)
        if self.time.now >= self.ends:
            raise ConnectionFailedError("cut", venue="bybit", endpoint="stream")
        data = {"symbol": "BTCUSDT", "fundingRate": "0.1", "markPrice": str(self.time.now)}
        at_ms = to_ms(self.time.clock.now())
        said = {"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": at_ms, "data": data}
        return json.dumps(said)


@dataclass
class Taken:
    """A board that is told, and how often what was told of happened."""

    board: Board = field(default_factory=Board)
    gaps: int = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Updates):
            self.board.apply("bybit", event.received_at, event.updates)
        elif isinstance(event, Gap):
            self.gaps += 1
            self.board.mark_gap("bybit", event.socket.symbols, event.reason.message, event.since)


@pytest.mark.world
@pytest.mark.anyio
async def test_connections_hold_no_more_after_hundreds_of_cuts() -> None:
    time, taken = LeapingClock(), Taken()
    linking = Linking(taken, "ws://venue.test", Cut(time), 1.0, time.clock)
    held, running = [], []
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(_kept(linking))
        for _ in range(5):
            await time.leap(time.now + 3_600.0)
            taken.board.view()
            held.append(blocks())
            running.append(len(asyncio.all_tasks()))
        keeper.cancel()
    assert taken.gaps > 400
    assert max(running) - min(running) <= 3
    assert max(held[1:]) - held[0] < FEW, held


async def _kept(linking: Linking) -> None:
    """Keep the connections of a stream up until cancelled."""
    async with asyncio.TaskGroup() as own:
        Links(own, linking).follow(PlainBybit(listed("BTCUSDT")))
        await asyncio.Event().wait()
