"""The sockets: what every venue's stream has in common, over the dialects of ``wire.streams``.

What belongs here is who is let in; a connection is a ``Conversation``.
"""

import asyncio
import secrets
from dataclasses import dataclass

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from funding_platform.sandbox.conversation import Conversation
from funding_platform.sandbox.faults import (
    Connection,
    Latency,
    Status,
)
from funding_platform.sandbox.stage import Stage
from funding_platform.sandbox.transports import line_of
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.streams.contract import (
    Dialect,
    Session,
)
from funding_platform.sandbox.wire.streams.registry import DIALECTS


@dataclass(slots=True)
class Streams:
    """Answers handshakes."""

    stage: Stage

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection until either side ends it."""
        venue, path = socket.path_params["venue"], f"/{socket.path_params['path']}"
        dialect = DIALECTS.get(venue)
        placeholders = None if dialect is None else dialect.placeholders(path)
        if dialect is None or placeholders is None:
            return await _refuse(socket, 404)
        self.stage.statistics.counter(venue, path).requests += 1
        if not await self._admitted(socket, dialect, path):
            return None
        session = Session(
            path,
            socket.query_params,
            placeholders,
            secrets.token_hex(8),
            lambda: Request(self.stage.market, venue, {}, self.stage.market.now_ms()),
            lambda name: self.stage.meets(venue, f"{path}#{name}", "refuse"),
        )
        return await Conversation(self.stage, dialect, session, socket).hold()

    async def _admitted(self, socket: WebSocket, dialect: Dialect, path: str) -> bool:
        """Accept the handshake, unless the venue or a fault refuses it."""
        for fault, luck in self.stage.plan.strike(dialect.venue, path):
            self.stage.statistics.counter(dialect.venue, path).faults += 1
            if isinstance(fault, Latency):
                await asyncio.sleep(fault.drawn(luck))
            elif isinstance(fault, Status):
                await _refuse(socket, fault.status)
                return False
            elif isinstance(fault, Connection) and fault.action == "hang":
                await _gone(socket)
                return False
            elif isinstance(fault, Connection):
                line_of(socket.scope).reset()
                await _gone(socket)
                return False
        if any(name not in socket.headers for name in dialect.required_headers):
            await _refuse(socket, 403)
            return False
        await socket.accept()
        return True


async def _refuse(socket: WebSocket, status: int) -> None:
    await socket.send_denial_response(PlainTextResponse("", status_code=status))


async def _gone(socket: WebSocket) -> None:
    """Wait for the client to give up, or for the server to stop."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue
