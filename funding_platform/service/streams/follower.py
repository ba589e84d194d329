"""One who follows: what is wanted, what was told last, and the loop that tells the rest.

Nothing is queued for a client. While one takes nothing, the loop waits in ``emit``; what changes
meanwhile is told as one step afterwards, and who takes nothing for long is let go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeAlias

from funding_platform.service.streams.hub import Hub
from funding_platform.service.streams.messages import (
    CHANNELS,
    Channel,
    Closing,
    Filters,
    Heartbeat,
    Message,
    Subscribed,
    encode,
)

HEARTBEAT_SECONDS: Final = 15.0
TAKEN_WITHIN_SECONDS: Final = 20.0
"""A client that has taken nothing for so long is let go."""

Emit: TypeAlias = Callable[[str, bytes], Awaitable[None]]
"""Sends a message, given its type and its bytes; returns once there is room for the next."""


class TooSlowError(Exception):
    """A client takes nothing."""


class Follower:
    """Tells one client what it follows.

    Parameters
    ----------
    hub
        What is followed.
    emit
        Sends.
    may_go_on
        Tells whether the client still may follow: its key may have been withdrawn.
    """

    def __init__(self, hub: Hub, emit: Emit, may_go_on: Callable[[], bool]) -> None:
        self._hub = hub
        self._emit = emit
        self._may_go_on = may_go_on
        self._wanted: dict[Channel, Filters] = {}
        self._told: dict[Channel, int | None] = {}
        self._poke = asyncio.Event()
        self._say_so = False
        self._hub.clients += 1

    async def subscribe(
        self, channels: Iterable[Channel], filters: Filters, since: int | None = None
    ) -> None:
        """Follow channels from now on, or from after a sequence as far as that is kept."""
        named = [*dict.fromkeys(channels)]
        await self._hub.follow(channel for channel in named if channel not in self._wanted)
        for channel in named:
            self._wanted[channel] = filters
            self._told[channel] = since
        self._say_so = True
        self._poke.set()

    def unsubscribe(self, channels: Iterable[Channel]) -> None:
        """Follow channels no more."""
        named = [channel for channel in dict.fromkeys(channels) if channel in self._wanted]
        self._hub.leave(named)
        for channel in named:
            del self._wanted[channel], self._told[channel]
        self._say_so = True
        self._poke.set()

    def close(self) -> None:
        """Follow nothing more."""
        self._hub.leave(self._wanted)
        self._wanted.clear()
        self._hub.clients -= 1

    async def run(self) -> str:
        """Tell what changes until there is a reason to end, and return it.

        Raises
        ------
        TooSlowError
            If the client takes nothing.
        """
        while True:
            if self._hub.ends:
                return await self._end("the service ends; connect again")
            if not self._may_go_on():
                return await self._end("the key does not count any more")
            if self._say_so:
                self._say_so = False
                self._poke.clear()
                followed = tuple(name for name in CHANNELS if name in self._wanted)
                await self.say("subscribed", Subscribed(followed))
            await self._tell()
            if not await self._something_new():
                beat = Heartbeat(self._hub.sequence, datetime.now(UTC))
                await self.say("heartbeat", beat)

    async def say(self, kind: str, message: Message) -> None:
        """Send a message.

        Raises
        ------
        TooSlowError
            If the client takes nothing.
        """
        await self._sent(kind, encode(message))

    async def _tell(self) -> None:
        for channel, filters in [*self._wanted.items()]:
            told = self._told.get(channel)
            sequence = self._hub.sequence
            if told is None or not self._hub.keeps(channel, told):
                await self._sent("snapshot", self._hub.snapshot(channel, filters))
            elif told < sequence and (step := self._hub.changes(channel, filters, told)):
                await self._sent("changes", step)
            # Asked for anew meanwhile, it begins anew.
            if self._wanted.get(channel) is filters and self._told.get(channel) == told:
                self._told[channel] = sequence

    async def _something_new(self) -> bool:
        """Wait for a change or a request; False if there is none until a heartbeat is due."""
        oldest = min((told or 0 for told in self._told.values()), default=self._hub.sequence)
        waits = {
            asyncio.ensure_future(self._hub.changed(oldest)),
            asyncio.ensure_future(self._poke.wait()),
        }
        try:
            done, _ = await asyncio.wait(
                waits, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:  # also of a client that has gone: nobody else would ever end them
            for wait in waits:
                wait.cancel()
        return bool(done)

    async def _sent(self, kind: str, told: bytes) -> None:
        try:
            await asyncio.wait_for(self._emit(kind, told), TAKEN_WITHIN_SECONDS)
        except TimeoutError:
            self._hub.let_go += 1
            raise TooSlowError from None

    async def _end(self, reason: str) -> str:
        with suppress(TooSlowError):
            await self.say("closing", Closing(reason))
        return reason
