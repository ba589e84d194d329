"""HTTP as uvicorn has it, with bounds on what comes before a request is whole.

uvicorn's fast parser takes headers of any size, for as long as they trickle in: a few idle clients
would hold all connections. Here a connection is closed whose headers are too large, or not there
some seconds after it was opened or after they began. WebSockets are closed with their reason.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LARGEST_HEAD_BYTES: Final = 32_768
"""What browsers and proxies send has a fraction of it."""

HEAD_SECONDS: Final = 10.0

LARGEST_REMEMBERED: Final = 4_096
"""Of a request on its connection, in bytes: who asks again and again says the same each time."""

_TOO_LARGE: Final = b"431 Request Header Fields Too Large"

_REFUSAL: Final = (
    b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


AtOnce: TypeAlias = Callable[
    [str, bytes, Sequence[tuple[bytes, bytes]]], tuple[bytes, bytes] | None
]
"""Tells of path, query and headers of a GET the head and the body of the answer, if it has it.

The head is a status line and headers, without those that every answer has.
"""


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose headers are too large or too slow.

    A request that comes whole, as nearly all do, costs no timer and no adding up. One whose answer
    is there already costs no task either, and one that is the last once more, as whoever looks
    again and again sends it, is not read anew.
    """

    @staticmethod
    def at_once(
        path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> tuple[bytes, bytes] | None:
        """Return the answer to a GET; this one can never tell. See ``telling``."""
        return None

    @classmethod
    def telling(cls, at_once: AtOnce) -> type["BoundedProtocol"]:
        """Return the protocol of a service that can tell."""
        return type(cls.__name__, (cls,), {"at_once": staticmethod(at_once)})

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._answered = False
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: RequestResponseCycle | None = None
        self._default_headers: list[tuple[bytes, bytes]] | None = None
        self._default_lines = b""
        self._requests = 0
        self._same: bytes | None = None
        self._meant: tuple[str, bytes, Sequence[tuple[bytes, bytes]]] = ("", b"", ())

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            # One more would take the file that the lake is read by, and have all others refused.
            self.connections.discard(self)
            transport.abort()
            return
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more, and let the answer that is under way go nowhere.

        uvicorn tells it to the last request alone, which may stand behind that one.
        """
        self._stop_waiting()
        if self._under_way is not None:
            self._under_way.disconnected = True
            self._under_way.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless headers have become too large before they are whole."""
        if data == self._same and self._answered_again():
            return
        between, self._requests = not self._in_head and self._is_idle(), 0
        if self._in_head:
            if self._head_bytes > LARGEST_HEAD_BYTES:
                self._refuse(_TOO_LARGE)
                return
            self._head_bytes += len(data)
        else:
            self._head_bytes = len(data)  # where a request begins in what came
        super().data_received(data)
        if between and self._answered and self._requests == 1 and len(data) <= LARGEST_REMEMBERED:
            self._same = data
        else:
            self._same = None
        if self._in_head and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def on_message_begin(self) -> None:
        """Note that headers begin."""
        super().on_message_begin()
        self._in_head, self._answered = True, False
        self._requests += 1

    def on_headers_complete(self) -> None:
        """Answer the request, unless its headers are too large."""
        self._in_head = False
        self._stop_waiting()
        if self._head_bytes > LARGEST_HEAD_BYTES and self._size() > LARGEST_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
            return
        told = self._told_at_once()
        if told is None:
            super().on_headers_complete()
            return
        self._answered = True
        self._send(*told)

    def on_message_complete(self) -> None:
        """Note that a request is whole."""
        if self._answered:
            self.on_response_complete()
        else:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._under_way = cycle
        super()._start_asgi_task(cycle, app)

    def _answered_again(self) -> bool:
        """Answer a request that is that before it once more, byte by byte, without reading it."""
        told = self.at_once(*self._meant) if self._is_idle() else None
        if told is None:
            return False
        self._send(*told)
        self.on_response_complete()
        return True

    def _is_idle(self) -> bool:
        """Tell whether nothing that was asked before is under way still."""
        before = self.cycle
        return (
            (before is None or before.response_complete)
            and not self.pipeline
            and not self.transport.is_closing()
            and not self.transport.get_write_buffer_size()  # it has taken what it asked for
        )

    def _send(self, head: bytes, body: bytes) -> None:
        whole = b"%s%s\r\n" % (head, self._default())
        if body:
            self.transport.writelines((whole, body))
        else:
            self.transport.write(whole)

    def _told_at_once(self) -> tuple[bytes, bytes] | None:
        """Return the answer that is there already, where nothing before it is under way still."""
        parser = self.parser
        if (
            parser.get_method() != b"GET"
            or parser.get_http_version() != "1.1"
            or parser.should_upgrade()
            or not parser.should_keep_alive()
            or b"%" in self.url
            or b"#" in self.url
            or self.url[:1] != b"/"
            or not self._is_idle()
        ):
            return None
        path, _, query = self.url.partition(b"?")
        self._meant = path.decode("latin-1"), query, self.headers
        return self.at_once(*self._meant)

    def _default(self) -> bytes:
        """Return the headers that every answer has, which are others once a second."""
        headers = self.server_state.default_headers
        if headers is not self._default_headers:
            self._default_headers = headers
            self._default_lines = b"".join(b"%s: %s\r\n" % one for one in headers)
        return self._default_lines

    def _size(self) -> int:
        """Return the bytes of the headers: a body may have come behind them."""
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(_REFUSAL % status)
            self.transport.close()


class PartingProtocol(WebSocketsSansIOProtocol):
    """Says why it closes, also to a client that takes nothing.

    uvicorn waits for room to say so, of which there is none: the client would find its connection
    closed, and never know why.
    """

    async def send(self, message: Any) -> None:
        """Send a message; the one that closes stands behind what was not taken, and is the last."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
