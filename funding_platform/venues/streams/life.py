"""One socket, from its opening to its end."""

import asyncio
import random
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from funding_platform.core.system.clock import Clock
from funding_platform.venues.errors import (
    MissedMessageError,
    RateLimitedError,
    StaleStreamError,
    VenueError,
)
from funding_platform.venues.rest.concurrency import task_group
from funding_platform.venues.rest.limits import Limiter
from funding_platform.venues.streams.contract import Frame, Socket, VenueStream
from funding_platform.venues.streams.events import Event, Refused, Updates
from funding_platform.venues.streams.liveness import Liveness
from funding_platform.venues.streams.subscription import Speaker
from funding_platform.venues.streams.transport import OpenTransport, Transport
from funding_platform.venues.unexpected import typed_failures

_EARLY: Final = (0.9, 0.95)
"""Between which shares of its lifetime a socket is replaced: before the venue cuts it, and not
together with all others."""


class Owner(Protocol):
    """Whoever keeps the connection up; is told at once, and must neither fail nor wait."""

    def tell(self, event: Event) -> None:
        """Take note of what happened."""
        ...

    def note_first_data(self, life: "Life") -> None:
        """Take note that data flow."""
        ...

    def note_silence(self, life: "Life", silent: Mapping[str, AbstractSet[str]]) -> None:
        """Take note of the perpetuals that do not speak, by channel, at every look at the ages."""
        ...

    def note_gap(self, life: "Life", reason: VenueError) -> None:
        """Take note that data flow no longer."""
        ...


class Life:
    """One socket: reads, answers, keeps it open, and watches the age of what it brings.

    Attributes
    ----------
    heard
        Whether any data came.
    complete
        Whether they came of every channel.
    leaving
        Whether it should be replaced while it still speaks.
    over
        Why it has ended; None while it has not.
    """

    def __init__(
        self,
        stream: VenueStream,
        socket: Socket,
        url: str,
        open_transport: OpenTransport,
        limiter: Limiter,
        clock: Clock,
        owner: Owner,
    ) -> None:
        self._owner = owner
        self._stream = stream
        self._socket = socket
        self._url = url
        self._open = open_transport
        self._limiter = limiter
        self._clock = clock
        self._read = stream.reader(socket)
        channels = [c for c in stream.spec.channels if c.name in socket.channels]
        self.liveness = Liveness(channels, socket.symbols, clock.timer())
        self.born_at = clock.timer()
        self.heard = self.complete = self.leaving = False
        self.over: VenueError | None = None
        self._turned = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, lives: asyncio.TaskGroup) -> None:
        """Begin it, as a task of the group."""
        self._task = lives.create_task(self._lived())

    def end(self) -> None:
        """End it without a word: another one has taken over."""
        if self._task is not None:
            self._task.cancel()

    def leave(self) -> None:
        """Ask for a successor."""
        self.leaving = True
        self._turned.set()

    def declare_complete(self) -> None:
        """Take it for complete whatever is still to come."""
        self.complete = True
        self._turned.set()

    async def until(self, reached: Callable[["Life"], bool]) -> None:
        """Wait until it is as asked for; one task at a time may."""
        while not reached(self):
            self._turned.clear()
            await self._turned.wait()

    async def _lived(self) -> None:
        try:
            with typed_failures(self._stream.name, self._url):
                await self._live()
        except VenueError as error:
            self.over = error
            self._owner.note_gap(self, error)
            self._turned.set()

    async def _live(self) -> None:
        spec = self._stream.spec
        async with self._open(self._stream.name, self._url, spec.headers) as transport:
            speaker = Speaker(self._stream.name, spec, transport, self._limiter, self._clock)
            async with task_group() as group:
                group.create_task(self._subscribe(speaker))
                if spec.heartbeat is not None:
                    group.create_task(speaker.beat(spec.heartbeat))
                if spec.lifetime is not None:
                    group.create_task(self._grow_old(spec.lifetime.total_seconds()))
                await self._listen(transport, speaker)

    async def _subscribe(self, speaker: Speaker) -> None:
        await speaker.subscribe(self._socket)
        self.liveness.begin(self._clock.timer())
        await self._watch()

    async def _grow_old(self, lifetime: float) -> None:
        await self._clock.sleep(lifetime * random.uniform(*_EARLY))  # noqa: S311 (no secret)
        self.leave()

    async def _listen(self, transport: Transport, speaker: Speaker) -> None:
        while True:
            message = await transport.receive()
            frame = self._read(message)
            self._note(frame)
            if frame.answer is not None:
                await speaker.answer(frame.answer)

    def _note(self, frame: Frame) -> None:
        """Take note of a frame, and pass on what it says.

        Raises
        ------
        VenueError
            If nothing more can be made of the connection.
        """
        if frame.channel is not None:
            symbols = [update.venue_symbol for update in frame.updates]
            self.liveness.hear(frame.channel, symbols, self._clock.timer())
            self._note_progress()
        self._owner.tell(Updates(frame.updates, self._clock.now(), frame.unread))
        if frame.refused is not None:
            if frame.refused.stops_venue and not self._is_bearable(frame.refused):
                raise frame.refused
            self._owner.tell(Refused(self._socket, frame.refused))
        if frame.restart:
            raise MissedMessageError(
                "a message was lost on the way", venue=self._stream.name, endpoint=self._url
            )
        if frame.ends:
            self.leave()

    def _is_bearable(self, refusal: VenueError) -> bool:
        """Tell whether a socket may go on: it brings all there is, and another would send more."""
        return isinstance(refusal, RateLimitedError) and self.liveness.everybody_spoke

    def _note_progress(self) -> None:
        if not self.heard:
            self.heard = True
            self._owner.note_first_data(self)
            self._turned.set()
        if not self.complete and self.liveness.complete:
            self.declare_complete()

    async def _watch(self) -> None:
        """Look at the ages again and again.

        Raises
        ------
        StaleStreamError
            If a channel has said nothing for too long.
        """
        every = self.liveness.look_every
        while True:
            due = self._clock.timer() + every
            await self._clock.sleep(every)
            now = self._clock.timer()
            if now - due > every:
                # We were away ourselves, and what has arrived meanwhile is still to be read.
                continue
            for channel, age in self.liveness.silent_channels(now).items():
                raise StaleStreamError(
                    f"open, and nothing on {channel} for {age:.1f} s",
                    venue=self._stream.name,
                    endpoint=self._url,
                )
            self._owner.note_silence(self, self.liveness.silent_symbols(now))
