"""HTTP as uvicorn has it, with bounds on what comes before a request is whole.

uvicorn's fast parser takes headers of any size, for as long as they trickle in: a few idle clients
would hold all connections. Here a connection is closed whose headers are too large, or not there
some seconds after it was opened or after they began.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD_BYTES: Final = 32_768
"""What browsers and proxies send has a fraction of it."""

HEAD_SECONDS: Final = 10.0

_TOO_LARGE: Final = b"431 Request Header Fields Too Large"

_REFUSAL: Final = (
    b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


_UNCHANGED: Final = b"HTTP/1.1 304 Not Modified\r\n"

Unchanged: TypeAlias = Callable[[str, bytes, Sequence[tuple[bytes, bytes]]], bytes | None]
"""Tells of path, query and headers of a GET the headers of a 304, if that is the answer."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose headers are too large or too slow.

    A request that comes whole, as nearly all do, costs no timer and no adding up. One whose answer
    is known to hold still costs no task either.
    """

    @staticmethod
    def unchanged(path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """Return the headers of a 304 that a GET gets; this one can never tell. See ``telling``."""
        return None

    @classmethod
    def telling(cls, unchanged: Unchanged) -> type["BoundedProtocol"]:
        """Return the protocol of a service that can tell."""
        return type(cls.__name__, (cls,), {"unchanged": staticmethod(unchanged)})

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._answered = False
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

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
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless headers have become too large before they are whole."""
        if self._in_head:
            if self._head_bytes > LARGEST_HEAD_BYTES:
                self._refuse(_TOO_LARGE)
                return
            self._head_bytes += len(data)
        else:
            self._head_bytes = len(data)  # where a request begins in what came
        super().data_received(data)
        if self._in_head and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def on_message_begin(self) -> None:
        """Note that headers begin."""
        super().on_message_begin()
        self._in_head, self._answered = True, False

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
        default = (b"%s: %s\r\n" % header for header in self.server_state.default_headers)
        self.transport.write(b"".join((_UNCHANGED, *default, told, b"\r\n")))

    def on_message_complete(self) -> None:
        """Note that a request is whole."""
        if self._answered:
            self.on_response_complete()
        else:
            super().on_message_complete()

    def _told_at_once(self) -> bytes | None:
        """Return the headers of a 304, where nothing before this request is under way still."""
        if not any(name == b"if-none-match" for name, _ in self.headers):
            return None
        parser, before = self.parser, self.cycle
        if (
            parser.get_method() != b"GET"
            or parser.get_http_version() != "1.1"
            or parser.should_upgrade()
            or not parser.should_keep_alive()
            or b"%" in self.url
            or not (before is None or before.response_complete)
            or self.pipeline
        ):
            return None
        url = httptools.parse_url(self.url)
        return self.unchanged(url.path.decode("ascii"), url.query or b"", self.headers)

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
