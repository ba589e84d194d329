"""What is below an answer: the connection, as faults need it.

The server hands it over to the application under the extension ``TRANSPORT``.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

TRANSPORT = "funding_platform.transport"
"""The ASGI extension under which the server hands over what is below a request or a stream."""

_LINGER_NONE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One connection.

    Attributes
    ----------
    transport
        What it is made of.
    fall_silent
        Makes it half open: nothing that arrives is read, not even a ping, and nothing is sent by
        itself; None where it is no stream.
    """

    transport: asyncio.Transport
    fall_silent: Callable[[], None] | None = None

    def reset(self) -> None:
        """Close with RST instead of FIN: a lingering time of zero discards what is unsent."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        self.transport.abort()


def line_of(scope: MutableMapping[str, Any]) -> Line:
    """Find the connection of a request or a stream."""
    line: Line = scope["extensions"][TRANSPORT]["line"]
    return line
