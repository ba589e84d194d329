"""HTTP as uvicorn has it, with bounds on what comes before a request is whole.

uvicorn's fast parser takes headers of any size, for as long as they trickle in: a few idle clients
would hold all connections. Here a connection is closed whose headers are too large, or not there
some seconds after it was opened or after they began.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD_BYTES: Final = 32_768
"""What browsers and proxies send has a fraction of it."""

HEAD_SECONDS: Final = 10.0

_REFUSAL: Final = (
    b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose headers are too large or too slow."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._awaited: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._have()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless there is too much of it before the headers are whole."""
        if self._awaited is not None:
            self._head_bytes += len(data)
            # A read brings as much as there is, so the first one may have a body behind it.
            if self._head_bytes > LARGEST_HEAD_BYTES and self._head_bytes > len(data):
                self._refuse(b"431 Request Header Fields Too Large")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request."""
        super().on_message_begin()
        if self._awaited is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Answer the request, unless its headers are too large."""
        self._have()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > LARGEST_HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
            return
        super().on_headers_complete()

    def _wait(self) -> None:
        self._head_bytes = 0
        self._awaited = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _have(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _too_late(self) -> None:
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self._have()
        if not self.transport.is_closing():
            self.transport.write(_REFUSAL % status)
            self.transport.close()
