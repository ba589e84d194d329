"""Ways to follow a stream; each message is held to the AsyncAPI document."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from funding_platform_tests.service.server import Served
from funding_platform_tests.service.streams.messages import require_declared

SUBSCRIBE = {"type": "subscribe", "channels": ["funding_rates"]}


@contextmanager
def following(service: Served, path: str = "/api/v1/ws", **more: Any) -> Iterator[ClientConnection]:
    """Follow over a WebSocket for as long as the context lasts.

    A client that has 16 messages untaken, as is usual, reads no more: not that it may go either.
    """
    url = service.url.replace("http", "ws") + path
    with connect(url, max_size=2**26, max_queue=None, open_timeout=60, **more) as opened:
        yield opened


def heard(opened: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message, which must be of a kind; heartbeats may come before it."""
    while True:
        message: dict[str, Any] = json.loads(opened.recv(timeout=60))
        require_declared(message)
        if message["type"] != "heartbeat":
            assert message["type"] == kind, message
            return message


def rates(message: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Return the rates that a message tells, by venue and symbol."""
    return {
        (row["venue"], row["venue_symbol"]): row["predicted_rate_8h"] for row in message["data"]
    }


def events_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """Yield the server-sent events of a response but heartbeats, their data read."""
    event: dict[str, Any] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
            continue
        message = json.loads(event["data"])
        require_declared(message)
        assert message["type"] == event["event"]
        if event["event"] != "heartbeat":
            yield {**event, "data": message}
        event = {}
