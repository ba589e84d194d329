"""What a venue's stream says over real sockets, beside what its requests say of the same market."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any

from msgspec import UNSET
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from funding_platform.core.system.clock import utc_now
from funding_platform.core.time_grid import from_ms
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.registry import open_venue
from funding_platform.venues.streams.contract import Frame, Heartbeat, Socket, VenueStream
from funding_platform.venues.streams.registry import stream_class
from funding_platform.venues.streams.updates import VALUES, MarketUpdate
from funding_platform_tests.sandbox.listening import PACE

PATIENT = 30.0
"""Seconds that everything is waited for; only a failure takes so long."""

_LOOK_SECONDS = 0.05

Row = dict[str, Any]


async def requested(
    sandbox: RunningSandbox, venue: str, settings: Settings, now_ms: int
) -> tuple[list[Listing], dict[str, Row]]:
    """List what the venue lists, and its market snapshot by symbol."""
    url, clock = sandbox.venue_urls[venue], lambda: from_ms(now_ms)
    async with open_venue(venue, url, settings=settings, clock=clock) as opened:
        listings = await opened.listings()
        snapshot = await opened.market_snapshot()
        assert opened.warnings == []
    return listings, {row["venue_symbol"]: row for row in snapshot.to_dicts()}


def stream_over(
    venue: str, listings: Sequence[Listing], clock: Callable[[], datetime] = utc_now
) -> VenueStream:
    """Make the stream of a venue that lists these."""
    kind = stream_class(venue)
    assert kind is not None
    return kind(listings, clock)


async def streamed(
    sandbox: RunningSandbox, stream: VenueStream, enough: Callable[[dict[str, Row]], bool]
) -> dict[str, Row]:
    """Merge by symbol what all sockets say, until it is enough or patience ends."""
    said: dict[str, Row] = {}

    async def listen(socket: Socket) -> None:
        while True:
            with suppress(ConnectionClosed):  # on a slow machine a venue may lose patience
                await listen_once(socket)

    async def listen_once(socket: Socket) -> None:
        async with aclosing(frames(sandbox, stream, socket)) as spoken:
            async for frame in spoken:
                assert (frame.refused, list(frame.unread), frame.restart) == (None, [], False)
                for update in frame.updates:
                    said.setdefault(update.venue_symbol, {}).update(values_of(update))

    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENT), asyncio.TaskGroup() as tasks:
            listening = [tasks.create_task(listen(socket)) for socket in stream.sockets()]
            # Not after every frame: to look takes longer than to read one.
            while not enough(said):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
            for task in listening:
                task.cancel()
    return said


def values_of(update: MarketUpdate) -> Row:
    """Return what an update says, by column of ``core.market_snapshots``."""
    said = {name: value for name in VALUES if (value := getattr(update, name)) is not UNSET}
    if "next_funding_ms" in said:
        due = said.pop("next_funding_ms")
        said["next_funding_time"] = None if due is None else from_ms(due)
    return said


def differences(
    stream: VenueStream, said: Mapping[str, Row], market: Mapping[str, Row], only_streamed: set[str]
) -> list[str]:
    """Name every value in which a stream and a snapshot of the same market differ.

    Parameters
    ----------
    only_streamed
        Columns that the venue's requests leave blank.
    """
    if said.keys() != market.keys():
        return [f"other symbols: {sorted(said.keys() ^ market.keys())}"]
    columns = {_COLUMNS.get(n, n) for channel in stream.spec.channels for n in channel.values}
    return [
        f"{symbol} {name}: {said[symbol].get(name, 'unsaid')}, requested {row[name]}"
        for symbol, row in market.items()
        for name in sorted(columns)
        if not _is_alike(said[symbol].get(name, "unsaid"), row[name], name in only_streamed)
    ]


_COLUMNS = {"next_funding_ms": "next_funding_time"}

_ROUNDED = 1e-9
"""Lighter rounds dollars on one side and coins on the other."""


def _is_alike(streamed: Any, requested: Any, only_streamed: bool) -> bool:
    if only_streamed:
        return requested is None and isinstance(streamed, float) and streamed > 0
    if isinstance(requested, float) and isinstance(streamed, float):
        return math.isclose(streamed, requested, rel_tol=_ROUNDED)
    return bool(streamed == requested)


async def frames(
    sandbox: RunningSandbox, stream: VenueStream, socket: Socket
) -> AsyncGenerator[Frame, None]:
    """Yield what a socket of a stream says, frame by frame, answering as it wants."""
    read, headers = stream.reader(socket), dict(stream.spec.headers)
    async with connect(
        sandbox.stream_urls[stream.name] + socket.path,
        user_agent_header=headers.pop("User-Agent", None),
        additional_headers=headers,
        compression=None,
        close_timeout=0.2,
    ) as connection:
        for asked in socket.messages:
            await connection.send(asked)
        beating = asyncio.create_task(_beat(connection, stream.spec.heartbeat))
        try:
            async for message in connection:
                frame = read(message)
                if frame.answer is not None:
                    await connection.send(frame.answer)
                yield frame
        finally:
            beating.cancel()


async def _beat(connection: ClientConnection, heartbeat: Heartbeat | None) -> None:
    with suppress(ConnectionClosed):
        while heartbeat is not None:
            await asyncio.sleep(heartbeat.every.total_seconds() / PACE)
            await connection.send(heartbeat.message)
