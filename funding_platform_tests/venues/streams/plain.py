"""A small stream that reads the sandbox's Bybit, and a clock that runs faster."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from funding_platform.core.system.clock import Clock, utc_now
from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.venues.errors import ContractError, RequestError, UndecodableError
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.streams.connection import Connection
from funding_platform.venues.streams.contract import (
    NOTHING,
    Channel,
    Frame,
    Heartbeat,
    Reader,
    Socket,
    StreamSpec,
    VenueStream,
)
from funding_platform.venues.streams.events import Event, Updates
from funding_platform.venues.streams.transport import Transport, open_websocket
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.sandbox.conftest import NOW

PACE = 10.0
"""How much faster than in life time runs in these tests."""

PATIENT = 120.0
"""Seconds that something is waited for; only a failure takes so long."""

LINEAR = "/v5/public/linear"
TICKERS = Channel(
    name="tickers",
    values=("predicted_rate", "mark_price"),
    period=timedelta(milliseconds=100),
    silence=timedelta(seconds=30),
)
"""Three seconds in life: a busy machine may well keep the sandbox waiting for one."""

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")

E = TypeVar("E")


_BEGAN = (utc_now(), time.monotonic())


def _elapsed() -> float:
    return (time.monotonic() - _BEGAN[1]) * PACE


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / PACE)


FAST = Clock(timer=_elapsed, sleep=_sleep, now=lambda: _BEGAN[0] + timedelta(seconds=_elapsed()))


def passing(start_ms: int) -> Callable[[], int]:
    """Make the clock of a market: time passes at ``PACE`` from a moment on."""
    began = time.monotonic()
    return lambda: start_ms + int((time.monotonic() - began) * PACE * 1_000)


@contextmanager
def every_venue(symbols: int) -> Iterator[RunningSandbox]:
    """Run a sandbox of all venues, in whose market time passes at ``PACE``."""
    styles = [wire.style for wire in WIRES.values()]
    market = SyntheticMarket(styles, symbols=symbols, seed=11, clock=passing(to_ms(NOW)))
    with running_sandbox(market, pace=PACE) as sandbox:
        yield sandbox


def listed(*symbols: str) -> list[Listing]:
    return [
        Listing.linear(
            venue_symbol=symbol,
            base=symbol.removesuffix("USDT"),
            quote="USDT",
            status="Trading",
        )
        for symbol in symbols
    ]


class PlainBybit(VenueStream):
    """One socket with a topic for each perpetual."""

    name = "bybit"
    spec = StreamSpec(
        base_url="wss://stream.bybit.com",
        channels=(TICKERS,),
        messages=Budget("messages", 100, 1),
        subscriptions=100,
        batch=2,
        heartbeat=Heartbeat(message='{"op":"ping"}', every=timedelta(seconds=20)),
    )

    def sockets(self) -> Sequence[Socket]:
        names = [*self.listings]
        batches = [names[at : at + 2] for at in range(0, len(names), 2)]
        messages = (
            msgspec.json.encode({"op": "subscribe", "args": [f"tickers.{name}" for name in batch]})
            for batch in batches
        )
        said = tuple(message.decode() for message in messages)
        return [Socket(path=LINEAR, messages=said, channels=("tickers",), symbols=tuple(names))]

    def reader(self, socket: Socket) -> Reader:
        begun: set[str] = set()

        def read(message: str | bytes) -> Frame:
            try:
                said = msgspec.json.decode(message)
            except msgspec.DecodeError as error:
                raise UndecodableError(str(error), venue="bybit", payload=message) from error
            return self._frame(said, begun)

        return read

    def _frame(self, said: Any, begun: set[str]) -> Frame:
        if said.get("success") is False:
            return Frame(refused=RequestError(said["ret_msg"], venue="bybit"))
        if "topic" not in said:
            return NOTHING
        row = said["data"]
        if said["type"] == "snapshot":
            begun.add(row["symbol"])
            if "fundingRate" not in row:
                raise ContractError("no fundingRate", venue="bybit", payload=str(said))
        elif row["symbol"] not in begun:
            return NOTHING
        names = {"fundingRate": "predicted_rate", "markPrice": "mark_price"}
        values: dict[str, Any] = {
            ours: float(row[theirs]) for theirs, ours in names.items() if theirs in row
        }
        update = MarketUpdate(venue_symbol=row["symbol"], event_ms=said["ts"], **values)
        return Frame(channel="tickers", updates=[update])


@dataclass
class Told:
    """What connections told, and a way to wait for it."""

    events: list[Event] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def kinds(self) -> list[str]:
        """What happened, without the messages."""
        return [type(e).__name__ for e in self.events if not isinstance(e, Updates)]

    @property
    def symbols(self) -> set[str]:
        return {u.venue_symbol for event in self.of(Updates) for u in event.updates}

    async def until(self, reached: Callable[["Told"], bool]) -> None:
        async with asyncio.timeout(PATIENT):
            while not reached(self):
                self._more.clear()
                await self._more.wait()


@dataclass
class Opened:
    """Opens sockets, and counts how often."""

    times: int = 0

    def __call__(
        self, venue: str, url: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[Transport]:
        self.times += 1
        return open_websocket(venue, url, headers)


@asynccontextmanager
async def connected(
    url: str, stream: VenueStream | None = None, **options: Any
) -> AsyncIterator[tuple[Connection, Told]]:
    """Keep the first planned connection of a stream up for as long as the context lasts."""
    stream = stream or PlainBybit(listed(*SYMBOLS))
    told = Told()
    (plan, *_) = stream.sockets()
    connection = Connection(stream, plan, told, base_url=url, **{"clock": FAST, **options})
    running = asyncio.create_task(connection.run())
    try:
        yield connection, told
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
