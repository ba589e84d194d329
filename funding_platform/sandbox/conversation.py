"""One connection to one venue: hears the client, speaks at its channels' periods, keeps watch.

One task hears the client, one per channel that is subscribed to speaks, and others keep the
venue's watch. A frame passes the faults in force last. Nothing is queued: where the client reads
slowly, its channels wait.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from funding_platform.sandbox.damage import spoil
from funding_platform.sandbox.faults import (
    Body,
    Connection,
    FieldFault,
    Latency,
    Rows,
    Stream,
    of_frames,
)
from funding_platform.sandbox.stage import Stage
from funding_platform.sandbox.statistics import Counter
from funding_platform.sandbox.transports import line_of
from funding_platform.sandbox.wire.streams.contract import (
    ABNORMAL,
    Channel,
    Delivery,
    Dialect,
    Heard,
    Row,
    Session,
    Topic,
)

GOING_AWAY: Final = 1001
"""The code that a venue closes with for its own reasons."""


class _OverError(Exception):
    """The venue ends a connection, with a close code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Conversation:
    """One connection to one venue."""

    stage: Stage
    dialect: Dialect
    session: Session
    socket: WebSocket
    sent: dict[str, Mapping[str, Row]] = field(default_factory=dict)
    """Of each topic the rows as they were last sent."""
    stale: set[str] = field(default_factory=set)
    held: list[str] = field(default_factory=list)
    silent: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    spoke_at: float = field(default_factory=time.monotonic)
    messages: deque[float] = field(default_factory=deque)
    speaking: set[str] = field(default_factory=set)
    """Channels that have a task."""
    beating: asyncio.Task[None] | None = None
    tasks: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)

    async def hold(self) -> None:
        """Talk until either side ends it."""
        try:
            async with self.tasks as tasks:
                await self._follow(self.dialect.greet(self.session))
                tasks.create_task(self._listen())
                tasks.create_task(self._watch())
                tasks.create_task(self._live())
                if self.dialect.beat is not None and self.dialect.beat.every_seconds is not None:
                    self._start_beat(self.dialect.beat.every_seconds)
        except* _OverError as over:
            await self._close(_code(over))
        except* WebSocketDisconnect:
            pass

    async def _close(self, code: int) -> None:
        if code == ABNORMAL:
            line_of(self.socket.scope).transport.abort()
            return
        with suppress(WebSocketDisconnect, RuntimeError):  # the client was faster
            await self.socket.close(code)

    async def _listen(self) -> None:
        while True:
            message = await _received(self.socket)
            self.heard_at = time.monotonic()
            self._counter("").requests += 1
            if self._one_too_many():
                self._counter("").refused += 1
                await self._follow(self.dialect.flooded(self.session))
            else:
                await self._follow(self.dialect.hear(message, self.session))

    def _one_too_many(self) -> bool:
        """Tell whether a message exceeds the venue's budget, counted over its last window."""
        budget = self.dialect.messages
        if budget is None or not self.stage.enforce_limits:
            return False
        while self.messages and self.messages[0] <= self.heard_at - self._real(
            budget.window_seconds
        ):
            self.messages.popleft()
        if len(self.messages) >= budget.limit:
            return True
        self.messages.append(self.heard_at)
        return False

    async def _follow(self, heard: Heard) -> None:
        """Do what a message leads to."""
        for name in heard.unsubscribe:
            self.session.topics.pop(name, None)
            self.sent.pop(name, None)
        for text in heard.replies:
            await self._say(text)
        for topic in heard.subscribe:
            await self._begin(topic)
        for text in heard.late_replies:
            await self._say(text)
        if heard.beat_seconds is not None:
            self._start_beat(heard.beat_seconds)
        if heard.close is not None:
            raise _OverError(heard.close)

    async def _begin(self, topic: Topic) -> None:
        """Subscribe, and send the first frames."""
        self.session.topics[topic.name] = topic
        endpoint = self._endpoint(topic.name)
        if self.stage.meets(self.dialect.venue, endpoint, "delta_first"):
            await self._deliver(self._ahead_of_snapshot(topic))
        await self._deliver(self._delivery(topic, first=True))
        if topic.channel not in self.speaking:
            self.speaking.add(topic.channel)
            self.tasks.create_task(self._speak(self.dialect.channel(topic.channel)))

    async def _speak(self, channel: Channel) -> None:
        """Deliver every topic of a channel, period after period."""
        period = self._real(channel.period_seconds)
        due = time.monotonic()
        while True:
            due = max(due + period, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            for topic in [t for t in self.session.topics.values() if t.channel == channel.name]:
                delivery = self._delivery(topic)
                if delivery.changed or channel.repeats:
                    await self._deliver(delivery)

    def _delivery(self, topic: Topic, *, first: bool = False) -> Delivery:
        every = self.stage.rows(self.dialect, self.dialect.channel(topic.channel))
        rows = every if topic.key is None else _only(every, topic.key)
        before = {} if first else self.sent.get(topic.name, {})
        self.sent[topic.name] = rows
        return Delivery(
            topic, self.session, self.session.look(), rows, _changes(before, rows), first
        )

    def _ahead_of_snapshot(self, topic: Topic) -> Delivery:
        """Make a change that comes too early: the last field of each row."""
        whole = self._delivery(topic, first=True)
        changed = {key: dict([*row.items()][-1:]) for key, row in whole.rows.items()}
        return Delivery(topic, self.session, whole.request, whole.rows, changed, first=False)

    async def _deliver(self, delivery: Delivery) -> None:
        channel, name = self.dialect.channel(delivery.topic.channel), delivery.topic.name
        counter = self._counter(f"#{channel.name}")
        for frame in channel.frames(delivery):
            if name in self.stale:
                return
            counter.rows += 1
            await self._pass(frame, name)

    async def _pass(self, frame: str, name: str) -> None:
        """Send a frame of a topic, as the faults in force leave it."""
        copies = 1
        for fault, luck in self.stage.plan.strike(
            self.dialect.venue, self._endpoint(name), of_frames
        ):
            self._counter("").faults += 1
            match fault:
                case Latency():
                    await asyncio.sleep(fault.drawn(luck))
                case Connection(action="hang"):
                    self._fall_silent()
                case Connection():
                    line_of(self.socket.scope).reset()
                    raise _OverError(ABNORMAL)
                case Body() | FieldFault() | Rows():
                    frame = spoil(frame.encode(), fault).decode()
                case Stream(action="stale"):
                    self.stale.add(name)
                    return
                case Stream(action="duplicate"):
                    copies = 2
                case Stream(action="reorder"):
                    self.held.append(frame)
                    return
                case Stream():
                    await self._part()
        held, self.held = self.held, []
        for text in [frame] * copies + held:
            await self._say(text)

    def _fall_silent(self) -> None:
        self.silent = True
        line = line_of(self.socket.scope)
        if line.fall_silent is not None:
            line.fall_silent()

    async def _say(self, text: str) -> None:
        if not self.silent:
            self.spoke_at = time.monotonic()
            try:
                await self.socket.send_text(text)
            except RuntimeError:  # another channel's task has found the client gone
                raise WebSocketDisconnect(ABNORMAL) from None

    def _start_beat(self, every_seconds: float) -> None:
        if self.beating is not None:
            self.beating.cancel()
        self.beating = self.tasks.create_task(self._beat(every_seconds))

    async def _beat(self, every_seconds: float) -> None:
        while self.dialect.beat is not None:
            await asyncio.sleep(self._real(every_seconds))
            await self._say(self.dialect.beat.message(self.session))

    async def _watch(self) -> None:
        """Close the connection once the client has given no sign of life for too long."""
        patience = self.dialect.patience
        while patience is not None:
            signs = (self.heard_at, self.spoke_at) if patience.either_way else (self.heard_at,)
            left = max(signs) + self._real(patience.seconds) - time.monotonic()
            if left <= 0:
                raise _OverError(patience.code)
            await asyncio.sleep(left)

    async def _live(self) -> None:
        """Cut the connection at the end of its time."""
        if self.dialect.lifetime_seconds is not None:
            await asyncio.sleep(self._real(self.dialect.lifetime_seconds))
            await self._part()

    async def _part(self) -> None:
        """End the connection as the venue does for its own reasons."""
        if self.dialect.farewell is not None:
            await self._say(self.dialect.farewell(self.session))
        raise _OverError(GOING_AWAY)

    def _real(self, seconds: float) -> float:
        return seconds / self.stage.pace

    def _endpoint(self, name: str) -> str:
        return f"{self.session.path}#{name}"

    def _counter(self, of: str) -> Counter:
        return self.stage.statistics.counter(self.dialect.venue, f"{self.session.path}{of}")


def _only(rows: Mapping[str, Row], key: str) -> Mapping[str, Row]:
    return {key: rows[key]} if key in rows else {}


def _changes(before: Mapping[str, Row], rows: Mapping[str, Row]) -> Mapping[str, Row]:
    """Find of each row the fields that changed; rows without a change are left out."""
    changed = {}
    for key, row in rows.items():
        known = before.get(key, {})
        if known is not row and (
            fields := {k: v for k, v in row.items() if k not in known or known[k] != v}
        ):
            changed[key] = fields
    return changed


def _code(over: BaseExceptionGroup[_OverError]) -> int:
    """Return the code of the first end, however deep it lies."""
    first = over.exceptions[0]
    return _code(first) if isinstance(first, BaseExceptionGroup) else first.code


async def _received(socket: WebSocket) -> str:
    """Receive one message, as text whichever way it was sent."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", ABNORMAL))
    text: str | None = message.get("text")
    return text if text is not None else message["bytes"].decode(errors="replace")
