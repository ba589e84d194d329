"""The control server of a trader: what it sees, and what people may ask of it, over HTTP.

It listens on the loopback interface only, and answers nobody without the token, which is in a file
that only its owner can read. It opens nothing: a command is written into the store, where whoever
trades finds it, and both leave an event.

    GET  /snapshot        how the trader stands
    GET  /stream          the same as server-sent events, whenever it changes
    POST /commands        {"name": "close", "arguments": {"pair_id": "…"}} -> {"command_id": 7}
    GET  /commands/{id}   what came of it
"""

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from funding_platform.execution.commands import HALT, NAMES, RESUME, CommandRefusedError
from funding_platform.execution.errors import ExecutionError
from funding_platform.execution.store.store import Store
from funding_platform.flows.execution.accounts import own_token
from funding_platform.flows.execution.reading import outcome_of, standing_of
from funding_platform.settings import Settings

LOOPBACK: Final = "127.0.0.1"
ACTOR: Final = "control server"

MOST_STREAMS: Final = 8
"""Listeners at once; one more is refused."""

LARGEST_BODY: Final = 16_384
EVENTS: Final = 20
"""Events that a snapshot carries."""

LOOK_SECONDS: Final = 0.5

Handler = Callable[[Request], Awaitable[Response]]


class ControlPortError(ExecutionError):
    """The control server cannot listen where it is told to."""


@dataclass(slots=True)
class Control:
    """The handlers.

    Parameters
    ----------
    store
        Of the trader.
    token
        What a caller has to show.
    """

    store: Store
    token: str
    streams: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/snapshot", self._known(self.snapshot)),
                Route("/stream", self._known(self.stream)),
                Route("/commands", self._known(self.command), methods=["POST"]),
                Route("/commands/{number:int}", self._known(self.outcome)),
            ]
        )

    async def snapshot(self, request: Request) -> Response:
        """Say how the trader stands."""
        return JSONResponse(await asyncio.to_thread(self._standing))

    async def stream(self, request: Request) -> Response:
        """Say it again whenever it changes."""
        if self.streams >= MOST_STREAMS:
            return _refused(503, f"{MOST_STREAMS} listen already")
        return StreamingResponse(self._changes(), media_type="text/event-stream")

    async def command(self, request: Request) -> Response:
        """Write a command down for whoever trades; a halt takes effect at once."""
        try:
            name, arguments = _command_of(await request.body())
        except CommandRefusedError as error:
            return _refused(400, str(error))
        number = await asyncio.to_thread(self._hand_in, name, arguments)
        return JSONResponse({"command_id": number}, status_code=202)

    async def outcome(self, request: Request) -> Response:
        """Say what came of a command."""
        number = int(request.path_params["number"])
        try:
            state, words = await asyncio.to_thread(outcome_of, self.store, number)
        except CommandRefusedError as error:
            return _refused(404, error.message)
        return JSONResponse({"command_id": number, "state": state, "outcome": words})

    def _hand_in(self, name: str, arguments: dict[str, Any]) -> int:
        number = self.store.add_command(name, arguments, ACTOR)
        reason = str(arguments.get("reason") or f"asked for by the {ACTOR}")
        if name == HALT:
            self.store.halt(reason, ACTOR)
            self.store.finish_command(number, "halted")
        if name == RESUME:
            self.store.resume(reason, ACTOR)
            self.store.finish_command(number, "resumed")
        return number

    def _standing(self) -> dict[str, Any]:
        stands = standing_of(self.store, EVENTS)
        events = json.loads(stands.events.write_json())
        picture = stands.picture.content if stands.picture is not None else None
        halt = stands.halt
        return {
            "picture": picture,
            "halted": halt.reason if halt.halted else None,
            "events": events,
        }

    async def _changes(self) -> AsyncIterator[str]:
        """Yield how the trader stands, whenever that is news."""
        self.streams += 1
        told = ""
        try:
            while not self.closing.is_set():
                current = json.dumps(await asyncio.to_thread(self._standing))
                if current != told:
                    told = current
                    yield f"event: snapshot\ndata: {current}\n\n"
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self.streams -= 1

    def _known(self, handler: Handler) -> Handler:
        """Let in only who shows the token."""

        async def guarded(request: Request) -> Response:
            shown = request.headers.get("authorization", "")
            if not secrets.compare_digest(shown.encode(), f"Bearer {self.token}".encode()):
                return _refused(401, "no token, or not the one of this trader")
            return await handler(request)

        return guarded


@asynccontextmanager
async def control_server(
    settings: Settings, store: Store, port: int | None
) -> AsyncIterator[str | None]:
    """Serve while the context lasts; yields the address, None where no port is wanted.

    Raises
    ------
    ControlPortError
        If the port is taken.
    """
    if port is None:
        yield None
        return
    control = Control(store, own_token(settings.data_dir / "execution" / "control.token"))
    listening = _listen(port)
    server = _Server(
        uvicorn.Config(
            control.app(),
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve([listening]), name="control server")
    try:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"
    finally:
        control.closing.set()
        server.should_exit = True
        await serving
        listening.close()


class _Server(uvicorn.Server):
    """Leaves signals to the process that trades."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise ControlPortError(
            f"the control server cannot listen on {LOOPBACK}:{port}: {error.strerror}",
            hint="set control_port to another port, to 0 for any free one, or to null for none",
        ) from error


def _command_of(body: bytes) -> tuple[str, dict[str, Any]]:
    """Read a command.

    Raises
    ------
    CommandRefusedError
        If it is none: there is none that opens anything.
    """
    try:
        told = json.loads(body) if len(body) <= LARGEST_BODY else None
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("arguments", {}), dict):
        raise CommandRefusedError('a command is JSON: {"name": "halt", "arguments": {}}')
    if told.get("name") not in NAMES:
        raise CommandRefusedError(
            f"there is no command {told.get('name')!r}", hint=f"there are {', '.join(NAMES)}"
        )
    return str(told["name"]), dict(told.get("arguments", {}))


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status_code=status)
