"""What is said to a venue on a socket: its subscriptions and its heartbeats, within its budget."""

import asyncio
from typing import Final

from funding_platform.core.system.clock import Clock
from funding_platform.venues.errors import VenueTimeoutError
from funding_platform.venues.rest.limits import Limiter
from funding_platform.venues.streams.contract import Heartbeat, Socket, StreamSpec
from funding_platform.venues.streams.transport import Transport

_SEND_SECONDS: Final = 10.0


class Speaker:
    """Sends what keeps one connection going.

    Parameters
    ----------
    venue
        Its name, for errors.
    spec
        How many messages it takes.
    transport
        The connection.
    limiter
        Keeps to that, from one connection to the next.
    clock
        For the pauses between heartbeats.
    """

    def __init__(
        self,
        venue: str,
        spec: StreamSpec,
        transport: Transport,
        limiter: Limiter,
        clock: Clock,
    ) -> None:
        self._venue = venue
        self._spec = spec
        self._transport = transport
        self._limiter = limiter
        self._clock = clock

    async def subscribe(self, socket: Socket) -> None:
        """Send the messages of a plan, as fast as the venue takes them.

        Raises
        ------
        VenueError
            If the connection ends, or the venue stops reading.
        """
        for message in socket.messages:
            await self._say(message)

    async def beat(self, heartbeat: Heartbeat) -> None:
        """Send a heartbeat again and again.

        Raises
        ------
        VenueError
            As ``subscribe``.
        """
        while True:
            await self._clock.sleep(heartbeat.every.total_seconds())
            await self._say(heartbeat.message)

    async def answer(self, message: str) -> None:
        """Send what the venue waits for, whatever else is to be sent.

        Raises
        ------
        VenueError
            As ``subscribe``.
        """
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._transport.send(message)
        except TimeoutError as error:
            raise VenueTimeoutError(
                f"took none of our messages for {_SEND_SECONDS:g} s",
                venue=self._venue,
                endpoint="stream",
            ) from error

    async def _say(self, message: str) -> None:
        async with self._limiter.spend(self._spec.messages, 1):
            await self.answer(message)
