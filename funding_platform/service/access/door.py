"""What goes out of the front door: the status is noted, and what the bucket says is added."""

import time
from typing import Any

from starlette.types import Message, Scope, Send

from funding_platform.service.access.buckets import Taken
from funding_platform.service.access.callers import Caller
from funding_platform.service.cache import Entry
from funding_platform.service.problems import MEDIA_TYPE, ProblemError, problem_body


class Door:
    """The way out for one request.

    Parameters
    ----------
    scope, send
        Of the request.
    caller
        Who asks.
    """

    def __init__(self, scope: Scope, send: Send, caller: Caller) -> None:
        self._websocket = scope["type"] == "websocket"
        self._send = send
        self._caller = caller
        self._began = False
        self.taken: Taken | None = None
        self.status = 101 if self._websocket else 500

    async def send(self, message: Message) -> None:
        """Send a message, with the request's id and what the bucket says in its headers."""
        if message["type"] == "http.response.start":
            self._began = True
            self.status = message["status"]
            told = [(b"x-request-id", self._caller.request_id.encode())]
            if self.taken is not None:
                told += self.taken.headers
            message["headers"] = [*message.get("headers", ()), *told]
        await self._send(message)

    async def refuse(self, problem: ProblemError) -> None:
        """Tell of a problem, unless the answer has begun already."""
        if self._began:
            return
        body = problem_body(problem, self._caller.request_id)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
        ]
        kind = "websocket.http.response" if self._websocket else "http.response"
        self.status = int(problem.status)
        start: dict[str, Any] = {"status": self.status, "headers": headers}
        await self.send({"type": f"{kind}.start", **start})
        await self._send({"type": f"{kind}.body", "body": body})


async def send_entry(entry: Entry, encoding: bytes, known: bytes, send: Send) -> None:
    """Send an answer that was kept, or say that what is known still holds.

    Parameters
    ----------
    encoding, known
        The headers Accept-Encoding and If-None-Match of the request.
    """
    age = (b"age", b"%d" % entry.age(time.monotonic()))
    if known and entry.tag in known:
        await send(
            {"type": "http.response.start", "status": 304, "headers": [*entry.headers[1:], age]}
        )
        await send({"type": "http.response.body", "body": b""})
        return
    gzipped = entry.goes_gzipped(encoding)
    headers = entry.gzipped_headers if gzipped else entry.plain_headers
    body = entry.gzipped if gzipped else entry.body
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, age]})
    await send({"type": "http.response.body", "body": body})
