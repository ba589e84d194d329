"""Which connections are kept up when what is planned changes, without a network."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from funding_platform.core.system.clock import Clock
from funding_platform.live.bell import Bell
from funding_platform.live.links import Linking, Links
from funding_platform.venues.streams.contract import Socket
from funding_platform.venues.streams.transport import Transport
from funding_platform_tests.venues.streams.plain import PATIENT, PlainBybit, listed

pytestmark = pytest.mark.anyio


async def _let_run() -> None:
    """Let all tasks go on until they wait."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class HandClock:
    """Seconds that pass when the test says so; whoever sleeps wakes at the first that is due."""

    now: float = 0.0
    sleepers: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds, woken))
        await woken

    async def step(self, seconds: float) -> None:
        await _let_run()
        self.now += seconds
        for due, sleeper in self.sleepers:
            if due <= self.now and not sleeper.done():
                sleeper.set_result(None)
        await _let_run()

    @property
    def stream_clock(self) -> Clock:
        return Clock(timer=lambda: self.now, sleep=self.sleep)


class PairsApart(PlainBybit):
    """The same with a connection for every two perpetuals."""

    def sockets(self) -> Sequence[Socket]:
        names = [*self.listings]
        return [
            replace(
                super(PairsApart, self).sockets()[0],
                path=f"/{at}",
                messages=(),
                symbols=tuple(names[at : at + 2]),
            )
            for at in range(0, len(names), 2)
        ]


@dataclass
class Quiet:
    """A venue whose connections open, speak once of every perpetual, and stay."""

    open_now: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def __call__(
        self, venue: str, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[Transport]:
        path = url.rpartition("/")[2]
        self.open_now.add(path)
        self.opened.append(path)
        try:
            yield Spoken(iter(["BTCUSDT"]))
        finally:
            self.open_now.discard(path)


@dataclass
class Spoken:
    symbols: Iterator[str]

    async def send(self, message: str) -> None: ...

    async def receive(self) -> str | bytes:
        for symbol in self.symbols:
            data = {"symbol": symbol, "fundingRate": "0.1", "markPrice": "1"}
            said = {"topic": f"tickers.{symbol}", "type": "snapshot", "ts": 1, "data": data}
            return msgspec.json.encode(said)
        await asyncio.Event().wait()
        raise AssertionError


class _DoneError(Exception):
    pass


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[Links, Quiet, HandClock]]:
    clock, venue = HandClock(), Quiet()
    linking = Linking(lambda event: None, "ws://venue.test", venue, 1.0, clock.stream_clock)
    try:
        async with asyncio.timeout(PATIENT), asyncio.TaskGroup() as tasks:
            yield Links(tasks, linking), venue, clock
            raise _DoneError
    except* _DoneError:  # a group ends with its tasks, or with an error
        pass


async def test_handshakes_are_spaced() -> None:
    async with linked() as (links, venue, clock):
        links.follow(PairsApart(listed("A", "B", "C", "D", "E", "F")))
        assert not links.live
        await clock.step(0.0)
        assert venue.opened == ["0"]
        await clock.step(0.4)
        await clock.step(0.4)
        assert venue.opened == ["0", "2", "4"]
        assert links.live


async def test_what_is_planned_as_before_is_kept_and_the_rest_replaced_with_an_overlap() -> None:
    async with linked() as (links, venue, clock):
        links.follow(PairsApart(listed("A", "B", "C")))
        await clock.step(0.0)
        await clock.step(0.4)
        assert venue.opened == ["0", "2"]
        links.follow(PairsApart(listed("A", "B", "C", "D")))
        await clock.step(0.0)
        assert venue.opened == ["0", "2", "2"]
        assert [c.socket.symbols for c in links.connections] == [("A", "B"), ("C", "D")]
        kept = links.connections[0]
        await clock.step(30.0)
        assert links.connections[0] is kept
        assert kept.live


async def test_a_connection_whose_parser_knows_better_now_is_replaced() -> None:
    """A contract size or an interval that has changed is not on the wire."""
    async with linked() as (links, venue, clock):
        before = listed("A", "B", "C")
        links.follow(PairsApart(before))
        await clock.step(0.0)
        await clock.step(0.4)
        changed = [msgspec.structs.replace(before[0], contract_size=0.01), *before[1:]]
        links.follow(PairsApart(changed))
        await clock.step(0.0)
        assert venue.opened == ["0", "2", "0"]


async def test_what_is_planned_no_more_ends() -> None:
    async with linked() as (links, venue, clock):
        links.follow(PairsApart(listed("A", "B", "C")))
        await clock.step(0.0)
        await clock.step(0.4)
        links.follow(PairsApart(listed("A", "B")))
        await clock.step(1.0)
        assert venue.open_now == {"0", "2"}
        await clock.step(29.0)
        assert venue.open_now == {"0"}


def awaited(bell: Bell, seconds: float | None) -> "asyncio.Task[None]":
    return asyncio.create_task(bell.wait(seconds))


@pytest.mark.parametrize("ring", [True, False])
async def test_a_bell_wakes_for_a_call_or_a_time(ring: bool) -> None:
    clock = HandClock()
    bell = Bell(clock.stream_clock)
    waiting = awaited(bell, 5.0)
    await clock.step(4.0)
    assert not waiting.done()
    if ring:
        bell.ring()
    await clock.step(0.0 if ring else 1.0)
    assert waiting.done()


async def test_a_bell_rung_before_wakes_once() -> None:
    clock = HandClock()
    bell = Bell(clock.stream_clock)
    bell.ring()
    first = awaited(bell, None)
    await clock.step(0.0)
    assert first.done()
    second = awaited(bell, None)
    await clock.step(1_000.0)
    assert not second.done()
    second.cancel()
