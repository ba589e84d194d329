"""One planned connection of a venue, kept up for good: opened, watched, replaced, opened again.

A socket is a ``Life``. When it ends the next one is begun, after a pause that grows with every
failure, until the breaker loses patience. When it is about to end, because the venue says so, cuts
at a known age or has stopped speaking of some perpetuals, the next one is begun first, and takes
over once it brings all that this one did. What happens is told as it happens (``events``).
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Final

from funding_platform.core.system.clock import Clock
from funding_platform.venues.errors import (
    BannedError,
    BreakerOpenError,
    RateLimitedError,
    UnavailableError,
    VenueError,
)
from funding_platform.venues.rest.breaker import BAN_SECONDS, Breaker
from funding_platform.venues.rest.limits import Limiter
from funding_platform.venues.streams.contract import Socket, VenueStream
from funding_platform.venues.streams.events import Connected, Event, Failed, Gap, GivenUp, Stale
from funding_platform.venues.streams.life import Life
from funding_platform.venues.streams.transport import OpenTransport, open_websocket

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 30.0

STABLE_SECONDS: Final = 10.0
"""A connection that brought data for so long was a good one: its end is no failure."""

OVERLAP_SECONDS: Final = 30.0
"""How long a successor may take to bring all that its predecessor does, before it takes over."""

SUCCESSION_SECONDS: Final = 300.0
"""How often at most a connection is replaced for some perpetuals that have fallen silent."""


class Connection:
    """Keeps one planned connection up.

    Parameters
    ----------
    stream
        The venue's stream.
    socket
        The plan.
    tell
        Told of every event, at once; it must not fail, and not wait.
    base_url
        What the plan's path is appended to; by default the venue's own.
    open_transport
        Opens a connection.
    scale
        Multiplies the budget of messages.
    clock
        The time that it lives in.
    luck
        Draws pauses.
    """

    def __init__(
        self,
        stream: VenueStream,
        socket: Socket,
        tell: Callable[[Event], None],
        *,
        base_url: str | None = None,
        open_transport: OpenTransport = open_websocket,
        scale: float = 1.0,
        clock: Clock | None = None,
        luck: random.Random | None = None,
    ) -> None:
        self.socket = socket
        self._stream = stream
        self.tell = tell
        self._url = (base_url or stream.spec.base_url).rstrip("/") + socket.path
        self._open = open_transport
        self._clock = clock or Clock()
        self._luck = luck or random.Random()  # noqa: S311 (pauses are no secret)
        self._limiter = Limiter(scale, timer=self._epoch_seconds, sleep=self._clock.sleep)
        self._breaker = Breaker(stream.name, timer=self._epoch_seconds)
        self._failures = 0
        self._delivering: Life | None = None
        self._silent: Mapping[str, AbstractSet[str]] = {}
        self._in_vain: Mapping[str, AbstractSet[str]] = {}
        self._replaced_at = -SUCCESSION_SECONDS

    @property
    def live(self) -> bool:
        """Whether data flow."""
        return self._delivering is not None

    @property
    def age(self) -> float | None:
        """Seconds since the newest data; None while none flow."""
        life = self._delivering
        return None if life is None else life.liveness.age(self._clock.timer())

    def carried(self) -> Mapping[str, AbstractSet[str]]:
        """Return by channel the perpetuals of which it has brought something new enough."""
        life, expected = self._delivering, frozenset(self.socket.symbols)
        if life is None:
            return {}
        silent = life.liveness.silent_symbols(self._clock.timer())
        return {
            channel: expected - life.liveness.unheard(channel) - silent.get(channel, frozenset())
            for channel in self.socket.channels
        }

    async def run(self) -> None:
        """Keep it up until cancelled."""
        async with asyncio.TaskGroup() as lives:
            current: Life | None = None
            while True:
                current = await self._successor(lives, current)
                await current.until(lambda life: life.leaving or life.over is not None)
                if current.over is not None:
                    self._note_end(current)
                    current = None
                    await self._clock.sleep(self._pause())

    async def _successor(self, lives: asyncio.TaskGroup, predecessor: Life | None) -> Life:
        """Begin lives until one brings data, and have it take over from the one before."""
        while True:
            try:
                with self._breaker.call():
                    life = await self._born(lives)
            except VenueError as error:
                self._failures += 1
                await self._wait_out(error)
                continue
            if predecessor is not None:
                predecessor.end()
            self._take_over(life)
            return life

    async def _born(self, lives: asyncio.TaskGroup) -> Life:
        """Begin a life, and return it once it can do without the one before.

        Raises
        ------
        VenueError
            If it ends before.
        """
        life = Life(
            self._stream, self.socket, self._url, self._open, self._limiter, self._clock, self
        )
        life.begin(lives)
        try:
            await life.until(lambda life: life.over is not None or life.heard)
            if self._delivering is not life:
                lives.create_task(self._hurry(life))
                await life.until(lambda life: life.over is not None or life.complete)
        except asyncio.CancelledError:
            life.end()
            raise
        if life.over is None:
            return life
        if isinstance(life.over, UnavailableError | BannedError | RateLimitedError):
            raise life.over
        # Whatever it is, the stream does not come: the breaker counts it.
        raise UnavailableError(
            f"the stream ended: {life.over.message}", venue=self._stream.name, endpoint=self._url
        ) from life.over

    async def _hurry(self, life: Life) -> None:
        """Take what a successor brings for all there is, after a while."""
        await self._clock.sleep(OVERLAP_SECONDS)
        life.declare_complete()

    def note_first_data(self, life: Life) -> None:
        """Have a life deliver, unless another one does."""
        if self._delivering is None:
            self._take_over(life)

    def _take_over(self, life: Life) -> None:
        if self._delivering is life or life.over is not None:
            return
        began_anew, self._delivering = self._delivering is None, life
        if began_anew:
            self.tell(Connected(self.socket))

    def note_gap(self, life: Life, reason: VenueError) -> None:
        """Tell of a gap where the life that ended was the one that delivered."""
        if self._delivering is life:
            self._delivering = None
            age = timedelta(seconds=life.liveness.age(self._clock.timer()))
            self.tell(Gap(self.socket, self._clock.now() - age, reason))

    def note_silence(self, life: Life, silent: Mapping[str, AbstractSet[str]]) -> None:
        """Tell of perpetuals that have just fallen silent, and see whether another socket helps.

        Not more often than ``SUCCESSION_SECONDS`` say; those that fall silent meanwhile wait.
        """
        if self._delivering is not life:
            return
        fresh = {name: names - self._silent.get(name, set()) for name, names in silent.items()}
        self._silent = silent
        for channel, symbols in fresh.items():
            if symbols:
                self.tell(Stale(self.socket, channel, symbols))
        now = self._clock.timer()
        if now - self._replaced_at >= SUCCESSION_SECONDS and self._worth_another(life, silent):
            self._replaced_at, self._in_vain = now, silent
            life.leave()

    def _worth_another(self, life: Life, silent: Mapping[str, AbstractSet[str]]) -> bool:
        """Tell whether some are silent for which no other socket has been tried.

        Those that were silent on the socket before, and have said nothing on this one, are not.
        """
        return any(
            names - (self._in_vain.get(channel, frozenset()) & life.liveness.unheard(channel))
            for channel, names in silent.items()
        )

    def _note_end(self, life: Life) -> None:
        lived = self._clock.timer() - life.born_at
        self._failures = 0 if lived >= STABLE_SECONDS else self._failures + 1

    def _pause(self) -> float:
        """Return the seconds until the next try: doubled with every failure, and never in step."""
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 16))
        return longest * self._luck.uniform(0.5, 1.0)

    async def _wait_out(self, error: VenueError) -> None:
        """Wait for as long as a failure says, or until the next try."""
        if isinstance(error, BannedError):
            self._breaker.ban(error)
        if isinstance(error, BannedError | BreakerOpenError):
            seconds = BAN_SECONDS if error.retry_after is None else error.retry_after
            self.tell(GivenUp(self.socket, seconds, error))
            await self._clock.sleep(seconds)
        else:
            self.tell(Failed(self.socket, error))
            await self._clock.sleep(max(self._pause(), error.retry_after or 0.0))

    def _epoch_seconds(self) -> float:
        return self._clock.now().timestamp()
