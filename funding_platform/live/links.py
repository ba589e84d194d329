"""The connections of one venue: those that its stream plans for what it lists."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

from funding_platform.core.system.clock import Clock
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.connection import OVERLAP_SECONDS, Connection
from funding_platform.venues.streams.contract import Socket, VenueStream
from funding_platform.venues.streams.events import Event
from funding_platform.venues.streams.transport import OpenTransport

_SPACING_SECONDS: Final = 0.4
"""Between two handshakes with one venue: OKX takes three a second."""


@dataclass(frozen=True, slots=True)
class Linking:
    """How connections are made."""

    tell: Callable[[Event], None]
    base_url: str | None
    open_transport: OpenTransport
    scale: float
    clock: Clock


class _Plan(NamedTuple):
    """A socket, and what its parser knows of the perpetuals on it."""

    socket: Socket
    facts: tuple[Listing | None, ...]

    @classmethod
    def of(cls, stream: VenueStream, socket: Socket) -> "_Plan":
        return cls(socket, tuple(map(stream.listings.get, socket.symbols)))


class Links:
    """Keeps the planned connections of one venue up.

    Parameters
    ----------
    tasks
        Where they run.
    linking
        How they are made.
    """

    def __init__(self, tasks: asyncio.TaskGroup, linking: Linking) -> None:
        self._tasks = tasks
        self._linking = linking
        self._kept: dict[_Plan, tuple[Connection, asyncio.Task[None]]] = {}
        self._values: Mapping[str, tuple[str, ...]] = {}
        self._each: AbstractSet[str] = frozenset()

    @property
    def connections(self) -> list[Connection]:
        """All that are kept up."""
        return [connection for connection, _ in self._kept.values()]

    def follow(self, stream: VenueStream) -> None:
        """Keep up what a stream plans; what it plans no more ends once that is under way."""
        channels = stream.spec.channels
        self._values = {channel.name: channel.values for channel in channels}
        self._each = {channel.name for channel in channels if channel.of_each}
        plans = [_Plan.of(stream, socket) for socket in stream.sockets()]
        retired = [self._kept.pop(plan) for plan in [*self._kept] if plan not in plans]
        for place, plan in enumerate(plan for plan in plans if plan not in self._kept):
            self._kept[plan] = self._begun(stream, plan.socket, place * _SPACING_SECONDS)
        if retired:
            self._tasks.create_task(self._retire([task for _, task in retired]))

    def carried(self) -> Mapping[str, AbstractSet[str]]:
        """Return by symbol the values that streams bring."""
        carried: defaultdict[str, set[str]] = defaultdict(set)
        for connection in self.connections:
            for channel, symbols in connection.carried().items():
                for symbol in symbols:
                    carried[symbol].update(self._values[channel])
        return carried

    def values(self, channel: str) -> tuple[str, ...]:
        """Return the values that a channel brings."""
        return self._values.get(channel, ())

    def silent(self) -> int:
        """Count the perpetuals that do not speak when each of them has to."""
        return sum(
            len(set(connection.socket.symbols) - symbols)
            for connection in self.connections
            for channel, symbols in connection.carried().items()
            if channel in self._each
        )

    @property
    def live(self) -> bool:
        """Whether data flow on every connection that there should be."""
        return bool(self._kept) and all(connection.live for connection in self.connections)

    def _begun(
        self, stream: VenueStream, socket: Socket, after: float
    ) -> tuple[Connection, asyncio.Task[None]]:
        linking = self._linking
        connection = Connection(
            stream,
            socket,
            linking.tell,
            base_url=linking.base_url,
            open_transport=linking.open_transport,
            scale=linking.scale,
            clock=linking.clock,
        )
        return connection, self._tasks.create_task(self._run(connection, after))

    async def _run(self, connection: Connection, after: float) -> None:
        await self._linking.clock.sleep(after)
        await connection.run()

    async def _retire(self, tasks: list[asyncio.Task[None]]) -> None:
        """End connections once those that take their place have had time to begin."""
        await self._linking.clock.sleep(OVERLAP_SECONDS)
        for task in tasks:
            task.cancel()
