"""One who follows: what is wanted, what was told last, and the loop that tells the rest.

Nothing is queued for a client. While one takes nothing, the loop waits in ``emit``; what changes
meanwhile is told as one step afterwards, and who takes nothing for long is let go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
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

Emit: TypeAlias = Callable[[str, bytes, int | None], Awaitable[None]]
"""Sends a message, given its type and its bytes; returns once there is room for the next.

The third says up to which sequence everything that is followed has been told with this message;
None while something that is followed has not been told at all.
"""


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
        self._hub.wake(self._poke)

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
        self._hub.let_sleep(self._poke)
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
            self._poke.clear()  # whatever comes from here on is looked at again
            if self._hub.ends:
                return await self._end("the service ends; connect again")
            if not self._may_go_on():
                return await self._end("the key or the session does not count any more")
            if self._say_so:
                self._say_so = False
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
        await self._sent(kind, encode(message), self._told_up_to())

    async def _tell(self) -> None:
        for channel, filters in [*self._wanted.items()]:
            told = self._told.get(channel)
            sequence = self._hub.sequence
            up_to = self._told_up_to({channel: sequence})
            if told is None or not self._hub.keeps(channel, told):
                await self._sent("snapshot", self._hub.snapshot(channel, filters), up_to)
            elif told < sequence and (step := self._hub.changes(channel, filters, told)):
                await self._sent("changes", step, up_to)
            # Asked for anew meanwhile, it begins anew.
            if self._wanted.get(channel) is filters and self._told.get(channel) == told:
                self._told[channel] = sequence

    def _told_up_to(self, now: Mapping[Channel, int] | None = None) -> int | None:
        """Return what of every channel has been told, with what is told of some now."""
        told = [*{**self._told, **(now or {})}.values()]
        known = [sequence for sequence in told if sequence is not None]
        return min(known) if known and len(known) == len(told) else None

    async def _something_new(self) -> bool:
        """Wait for a change or a request; False if there is none until a heartbeat is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                return await self._poke.wait()
        return False

    async def _sent(self, kind: str, told: bytes, up_to: int | None) -> None:
        try:
            async with asyncio.timeout(TAKEN_WITHIN_SECONDS):
                await self._emit(kind, told, up_to)
        except TimeoutError:
            self._hub.let_go += 1
            raise TooSlowError from None

    async def _end(self, reason: str) -> str:
        with suppress(TooSlowError):
            await self.say("closing", Closing(reason))
        return reason
