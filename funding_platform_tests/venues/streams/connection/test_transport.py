"""However much arrives, and however slowly it is read, little of it is held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from funding_platform.venues.errors import ConnectionFailedError
from funding_platform.venues.streams.transport import open_websocket
from funding_platform_tests.venues.streams.plain import PATIENT

pytestmark = pytest.mark.anyio

FRAME = "x" * 2**16
FRAMES = 2_000
HELD_BYTES = 24 * 2**20
"""What the buffers of both ends' kernels and of both programs may take together."""


@dataclass
class Flood:
    """A venue that sends as fast as it can."""

    sent: int = 0
    stuck: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, connection: ServerConnection) -> None:
        try:
            for _ in range(FRAMES):
                sending = asyncio.ensure_future(connection.send(FRAME))
                await asyncio.wait([sending], timeout=0.5)
                if not sending.done():
                    self.stuck.set()  # nobody reads
                await sending
                self.sent += 1
        except ConnectionClosed:
            return


@asynccontextmanager
async def flooding() -> AsyncIterator[tuple[Flood, str]]:
    flood = Flood()
    async with serve(flood, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield flood, f"ws://127.0.0.1:{port}"


async def test_a_slow_reader_makes_the_venue_wait_and_loses_nothing() -> None:
    async with flooding() as (flood, url), open_websocket("bybit", url, {}) as transport:
        async with asyncio.timeout(PATIENT):
            await flood.stuck.wait()
        assert flood.sent * len(FRAME) < HELD_BYTES < FRAMES * len(FRAME)
        for _ in range(FRAMES):
            assert len(await transport.receive()) == len(FRAME)
        with pytest.raises(ConnectionFailedError, match="code 1000"):
            await transport.receive()


async def test_what_was_not_read_does_not_hold_up_the_end() -> None:
    async with flooding() as (flood, url):
        async with open_websocket("bybit", url, {}) as transport, asyncio.timeout(PATIENT):
            await transport.receive()
            await flood.stuck.wait()
        assert flood.sent < FRAMES
