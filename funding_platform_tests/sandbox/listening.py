"""A client of the sandbox's sockets, and a market whose clock the test moves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from websockets.sync.client import ClientConnection, connect

from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.sandbox.wire.registry import WIRES

PACE = 20.0
"""How much faster than the venues' own the streams run in tests."""

PATIENT = 30.0
"""Seconds that a message is waited for; only a failure takes so long."""


@dataclass
class HandClock:
    """The present, moved by hand."""

    now_ms: int

    def __call__(self) -> int:
        return self.now_ms

    def step(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1_000)


def moving_market(clock: HandClock, *, symbols: int = 60, seed: int = 11) -> SyntheticMarket:
    styles = [wire.style for wire in WIRES.values()]
    return SyntheticMarket(styles, symbols=symbols, seed=seed, clock=clock)


@dataclass
class Listener:
    """One connection of a client."""

    connection: ClientConnection

    def send(self, document: Any) -> None:
        self.connection.send(document if isinstance(document, str) else json.dumps(document))

    def text(self) -> str:
        message = self.connection.recv(timeout=PATIENT)
        return message if isinstance(message, str) else message.decode()

    def document(self) -> Any:
        return json.loads(self.text())

    def silent(self, seconds: float) -> bool:
        """Tell whether nothing arrives for so long."""
        try:
            self.connection.recv(timeout=seconds)
        except TimeoutError:
            return True
        return False


@contextmanager
def listening(sandbox: RunningSandbox, venue: str, path: str, **options: Any) -> Iterator[Listener]:
    url = sandbox.stream_urls[venue] + path
    with connect(url, compression=None, close_timeout=0.2, **options) as connection:
        yield Listener(connection)
