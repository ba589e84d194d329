"""The doors of the streams: WebSockets, server-sent events, and what may be said over them."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Request, WebSocket
from pydantic import Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from funding_platform.service.access.buckets import Buckets
from funding_platform.service.access.callers import caller_of
from funding_platform.service.access.keys import Rate
from funding_platform.service.documented import problems, tells
from funding_platform.service.formats import JSON
from funding_platform.service.parameters import Asked, Name
from funding_platform.service.problems import ProblemError
from funding_platform.service.streams.described import asyncapi
from funding_platform.service.streams.follower import Follower, TooSlowError
from funding_platform.service.streams.hub import Hub
from funding_platform.service.streams.messages import (
    Channel,
    Filters,
    Refused,
    Subscribe,
    decode,
)

router = APIRouter(tags=["streams"])

EVENT_STREAM: Final = "text/event-stream"
MOST_CLIENTS: Final = 2_000
_SAYING: Final = Rate(20, 60.0)
"""How often a client may change what it follows: each time costs a snapshot."""

_EVENT: Final = {
    "type": "object",
    "description": "One event.",
    "required": ["event", "data"],
    "properties": {
        "id": {
            "type": "string",
            "description": "What Last-Event-ID may be; left out while snapshots are still to come.",
        },
        "event": {"type": "string", "description": "Type of the message."},
        "data": {
            "type": "string",
            "contentMediaType": JSON,
            "description": "The message, as /api/v1/asyncapi.json declares it.",
        },
    },
}

_TRY_AGAIN: Final = 1013
_RESTARTS: Final = 1012

_OF_CLIENTS: Final = (WebSocketDisconnect, TooSlowError)
"""What ends a client's tasks because of what it does, or does not do."""


class StreamAsked(Asked):
    """What is followed, and which rows of it."""

    channels: tuple[Channel, ...] = Field(
        default=("funding_rates", "opportunities"),
        min_length=1,
        max_length=4,
        description="funding_rates, opportunities, curves, events; repeatable.",
    )
    venues: tuple[Name, ...] = Field(
        default=(), max_length=200, description="Of a row, or of either leg; repeatable."
    )
    bases: tuple[Name, ...] = Field(
        default=(), max_length=200, description="Canonical bases; repeatable."
    )
    symbols: tuple[Name, ...] = Field(
        default=(), max_length=200, description="Venues' own symbols; repeatable."
    )
    tiers: tuple[Literal["actionable", "watch", "reject"], ...] = Field(
        default=(), description="Verdicts of pairs; repeatable."
    )
    min_net_apr: float | None = Field(
        default=None, description="Least net of pairs, fraction per year."
    )

    @property
    def filters(self) -> Filters:
        """Which rows are wanted."""
        return Filters(self.venues, self.bases, self.symbols, self.tiers, self.min_net_apr)

    @property
    def mark(self) -> str:
        """What tells it from other questions: who has asked for less cannot go on with more."""
        told = repr((sorted({*self.channels}), self.filters)).encode()
        return hashlib.blake2b(told, digest_size=4).hexdigest()


def _may_go_on(state: Any, scope: Scope) -> Callable[[], bool]:
    caller = caller_of(scope)
    key, session = caller.key, caller.session
    return lambda: (
        (key is None or state.keyring.counts(key.id))
        and (session is None or state.sessions.lasts(session))
    )


def _require_room(hub: Hub) -> None:
    if hub.clients >= MOST_CLIENTS:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{hub.clients:,} streams are open already",
            hint="connect again later",
            headers={"Retry-After": "30"},
        )


@router.websocket("/api/v1/ws")
async def everything(websocket: WebSocket) -> None:
    """Follow what is subscribed to."""
    await _serve(websocket, ())


@router.websocket("/ws/funding-rates")
async def rates(websocket: WebSocket) -> None:
    """Follow funding rates from the start."""
    await _serve(websocket, ("funding_rates",))


@router.websocket("/ws/opportunities")
async def opportunities(websocket: WebSocket) -> None:
    """Follow opportunities from the start."""
    await _serve(websocket, ("opportunities",))


async def _serve(websocket: WebSocket, channels: tuple[Channel, ...]) -> None:
    hub: Hub = websocket.app.state.hub
    _require_room(hub)
    await websocket.accept()

    async def emit(_kind: str, told: bytes, _up_to: int | None) -> None:
        await websocket.send({"type": "websocket.send", "text": told.decode()})

    follower = Follower(hub, emit, _may_go_on(websocket.app.state, websocket.scope))
    listening = asyncio.create_task(_listen(websocket, follower))
    telling: asyncio.Task[str] | None = None
    try:
        if channels:
            await follower.subscribe(channels, Filters())
        telling = asyncio.create_task(follower.run())
        await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            await _close(websocket, telling)
    finally:
        follower.close()
        await _ended(listening, telling)


async def _ended(*tasks: asyncio.Task[Any] | None) -> None:
    """End the tasks of one client, all of them, whatever any of them has met."""
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    met = await asyncio.gather(*begun, return_exceptions=True)
    for error in met:
        if isinstance(error, Exception) and not isinstance(error, _OF_CLIENTS):
            raise error


async def _close(websocket: WebSocket, telling: asyncio.Task[str]) -> None:
    """Close, with the reason that the loop ended for."""
    code, reason = _RESTARTS, ""
    try:
        reason = telling.result()
    except TooSlowError:
        code, reason = _TRY_AGAIN, "nothing was taken for 20 s; connect again when there is time"
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(1.0):
            await websocket.close(code, reason)


async def _listen(websocket: WebSocket, follower: Follower) -> None:
    """Do what the client says, until it goes."""
    buckets = Buckets()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if not buckets.take("", _SAYING).allowed:
            text = f"more than {_SAYING} messages"
            await follower.say("error", Refused(text, "say less; a minute gives as many again"))
            continue
        try:
            said = decode(message.get("text") or message.get("bytes") or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            hint = 'say {"type": "subscribe", "channels": ["funding_rates"], "filters": {}}'
            await follower.say("error", Refused(str(error), hint))
            continue
        if isinstance(said, Subscribe):
            await follower.subscribe(said.channels, said.filters)
        else:
            follower.unsubscribe(said.channels)


class EventStream(Response):
    """Server-sent events until the client goes, or is let go.

    Parameters
    ----------
    hub
        What is followed.
    asked
        Which channels and rows.
    last_event_id
        Of the event that the client was told last, if it says so.
    may_go_on
        Tells whether it still may follow.
    """

    media_type = EVENT_STREAM

    def __init__(
        self, hub: Hub, asked: StreamAsked, last_event_id: str, may_go_on: Callable[[], bool]
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub, self._asked, self._may_go_on = hub, asked, may_go_on
        self._origin = f"{hub.epoch}{asked.mark}"
        self._since = _sequence_of(last_event_id, self._origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)

        async def emit(kind: str, told: bytes, up_to: int | None) -> None:
            # A client that has not had everything yet has no place to go on from.
            place = b"" if up_to is None else b"id: %s-%d\n" % (self._origin.encode(), up_to)
            event = b"%sevent: %s\ndata: %s\n\n" % (place, kind.encode(), told)
            await send({"type": "http.response.body", "body": event, "more_body": True})

        follower = Follower(self._hub, emit, self._may_go_on)
        gone = asyncio.create_task(_gone(receive))
        telling: asyncio.Task[str] | None = None
        try:
            await follower.subscribe(self._asked.channels, self._asked.filters, self._since)
            telling = asyncio.create_task(follower.run())
            await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done() and telling.exception() is None:
                await send({"type": "http.response.body", "body": b""})
        finally:
            follower.close()
            await _ended(gone, telling)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


@router.get(
    "/api/v1/stream",
    summary="What changes, as server-sent events",
    response_class=Response,
    responses={
        200: {
            "description": "Events snapshot, changes, heartbeat and closing; their data are the "
            "messages that /api/v1/asyncapi.json declares.",
            "content": {EVENT_STREAM: {"schema": _EVENT}},
        },
        **problems(404, 406),
    },
)
async def stream(request: Request, asked: Annotated[StreamAsked, Query()]) -> Response:
    """Follow channels: first a snapshot, or what was missed since Last-Event-ID, then changes."""
    hub: Hub = request.app.state.hub
    _require_room(hub)
    last = request.headers.get("last-event-id", "")
    return EventStream(hub, asked, last, _may_go_on(request.app.state, request.scope))


def _sequence_of(event_id: str, origin: str) -> int | None:
    """Return the sequence of an event of this process, and of what is asked; None of others."""
    of, _, number = event_id.partition("-")
    return int(number) if of == origin and number.isdecimal() and len(number) < 16 else None


@router.get(
    "/api/v1/asyncapi.json",
    summary="The streams, as AsyncAPI",
    **tells({"type": "object"}, "AsyncAPI of what clients say and are told."),
)
async def messages(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """Declare every message of every stream, as AsyncAPI 3.0."""
    return Response(msgspec.json.encode(asyncapi()), media_type=JSON)
