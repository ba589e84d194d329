"""A venue on a real socket: one small router that all client tests share.

It speaks just enough HTTP/1.1 to be talked to, and to misbehave below HTTP: reset, break off in
the middle, drip.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

Params = Mapping[str, Any]
Fault = Literal["reset", "cut", "drip"]


@dataclass(frozen=True)
class Answer:
    """What to send: a body (bytes as they are, anything else as JSON), and how badly."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Handler = Callable[[Params], Answer]
Route = Answer | list[Answer] | Handler
"""What answers a path: one answer, a list used up in turn, or a function of what was asked."""

Routes = dict[str, Route]
"""Routes by path."""


@dataclass(frozen=True)
class Request:
    path: str
    params: Params
    headers: Mapping[str, str]
    target: str


@dataclass
class Router:
    """Answers requests by their path, and remembers them."""

    routes: Routes
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    connections: set["asyncio.Task[None] | None"] = field(default_factory=set)
    accepted: int = 0

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        route = self.routes.get(request.path, Answer({"msg": "no such path"}, 404))
        if isinstance(route, list):
            return route.pop(0) if len(route) > 1 else route[0]
        return route(request.params) if callable(route) else route

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(asyncio.current_task())
        self.accepted += 1
        try:
            while True:
                await _write(writer, self.answer(await _read(reader)))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client, or the end of the test, closed the connection
        finally:
            self.connections.discard(asyncio.current_task())
            writer.close()


@asynccontextmanager
async def serve(routes: Routes) -> AsyncIterator[Router]:
    """The router, listening on a free port of 127.0.0.1."""
    router = Router(routes)
    server = await asyncio.start_server(router.handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    router.url = f"http://{host}:{port}"
    try:
        yield router
    finally:
        server.close()
        for connection in router.connections:
            if connection is not None:
                connection.cancel()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().strip().split("\r\n")
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
    target = first.split()[1]
    url = urlsplit(target)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    params = json.loads(body) if body else dict(parse_qsl(url.query, keep_blank_values=True))
    return Request(url.path, params, headers, target)


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    if answer.fault == "reset":
        writer.transport.abort()
        raise ConnectionResetError
    content = answer.content
    head = [f"HTTP/1.1 {answer.status} X", f"Content-Length: {len(content)}"]
    head += [f"{name}: {value}" for name, value in answer.headers.items()]
    writer.write("\r\n".join([*head, "", ""]).encode())
    if answer.fault == "cut":
        writer.write(content[: len(content) // 2])
        await writer.drain()
        raise ConnectionAbortedError
    if answer.fault == "drip":
        for byte in content:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)
    else:
        writer.write(content)
    await writer.drain()
