"""A venue that says we send too much: one that brings all there is is kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from funding_platform.venues.errors import RateLimitedError
from funding_platform.venues.streams.contract import Frame, Reader, Socket
from funding_platform.venues.streams.events import Refused, Updates
from funding_platform.venues.streams.transport import Transport
from funding_platform_tests.venues.streams.plain import PlainBybit, connected, listed

pytestmark = pytest.mark.anyio

COMPLAINT = '{"complaint":1}'


def snapshot(symbol: str) -> str:
    data = {"symbol": symbol, "fundingRate": "0.1", "markPrice": "1"}
    return json.dumps({"topic": f"tickers.{symbol}", "type": "snapshot", "ts": 1, "data": data})


class Limited(PlainBybit):
    """One that knows when it is told that we send too much."""

    def reader(self, socket: Socket) -> Reader:
        read = super().reader(socket)

        def complained(message: str | bytes) -> Frame:
            if message == COMPLAINT:
                return Frame(refused=RateLimitedError("too many messages", venue="bybit"))
            return read(message)

        return complained


@dataclass
class Says:
    """A venue that says some things on each connection, and then nothing more."""

    messages: tuple[str, ...]
    opened: int = 0

    @asynccontextmanager
    async def __call__(
        self, venue: str, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[Transport]:
        self.opened += 1
        yield Line(list(self.messages))


@dataclass
class Line:
    left: list[str]

    async def send(self, message: str) -> None: ...

    async def receive(self) -> str | bytes:
        if not self.left:
            await asyncio.Event().wait()
        return self.left.pop(0)


async def test_a_socket_that_brings_everything_is_kept() -> None:
    venue = Says((snapshot("A"), snapshot("B"), COMPLAINT, snapshot("A")))
    stream = Limited(listed("A", "B"))
    async with connected("ws://venue.test", stream, open_transport=venue) as (_, told):
        await told.until(lambda told: len(told.of(Updates)) == 4)
        assert told.kinds == ["Connected", "Refused"]
        assert isinstance(told.of(Refused)[0].reason, RateLimitedError)
    assert venue.opened == 1


async def test_one_that_lacks_something_is_begun_anew() -> None:
    """What was declined may have been its subscription."""
    venue = Says((snapshot("A"), COMPLAINT, snapshot("A")))
    stream = Limited(listed("A", "B"))
    async with connected("ws://venue.test", stream, open_transport=venue) as (_, told):
        await told.until(lambda told: told.kinds[:3] == ["Connected", "Gap", "Connected"])
    assert venue.opened > 1
