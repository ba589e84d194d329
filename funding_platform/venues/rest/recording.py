"""Answers as they came: handed to a recorder while collecting, played back by a ``Tape``.

What identifies an answer is what was asked and when it came; the bodies are those that the client
classifies and decodes, byte for byte.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx

from funding_platform.venues.errors import NotRecordedError

EXTENSION: Final = "exchange"
"""The extension of a played-back response that holds its ``Exchange``."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its whole answer.

    Parameters
    ----------
    endpoint
        The path below the base URL.
    request_key
        What was asked of it: the query as sent, or the JSON body of a POST.
    status
        The HTTP status.
    body
        The body, its transport compression undone; None where it was not kept, for its size.
    sent_at, observed_at
        When the request was sent, and when its answer was complete.
    """

    endpoint: str
    request_key: str
    status: int
    body: bytes | None
    sent_at: datetime
    observed_at: datetime


Recorder = Callable[[Exchange], None]
"""Takes every exchange as it is complete."""


@dataclass
class Span:
    """From when to when exchanges took place; None before the first."""

    sent_at: datetime | None = None
    observed_at: datetime | None = None

    def include(self, exchange: Exchange) -> None:
        """Stretch over an exchange."""
        self.sent_at = min(self.sent_at or exchange.sent_at, exchange.sent_at)
        self.observed_at = max(self.observed_at or exchange.observed_at, exchange.observed_at)


_span: ContextVar[Span] = ContextVar("span")


@contextmanager
def measured() -> Iterator[Span]:
    """Measure the exchanges made inside the block, those of the tasks that it starts included."""
    token = _span.set(Span())
    try:
        yield _span.get()
    finally:
        _span.reset(token)


def observe(exchange: Exchange) -> None:
    """Count an exchange towards the span that is being measured, if any is."""
    _span.get(Span()).include(exchange)


def request_key(request: httpx.Request, base_path: str) -> tuple[str, str]:
    """Return endpoint and request key of a request to a venue below ``base_path``."""
    path, _, query = request.url.raw_path.decode().removeprefix(base_path).partition("?")
    return path, " ".join(filter(None, (query, request.content.decode())))


class ReplayTransport(httpx.AsyncBaseTransport):
    """Answers each request as it was answered before, several equal ones in the same order.

    Parameters
    ----------
    venue
        Name of the venue, for errors.
    exchanges
        What was recorded, in order; read as far as the requests need.
    """

    def __init__(self, venue: str, exchanges: Iterable[Exchange]) -> None:
        self._venue = venue
        self._ahead = iter(exchanges)
        self._waiting: defaultdict[tuple[str, str], deque[Exchange]] = defaultdict(deque)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded answer.

        Raises
        ------
        NotRecordedError
            If there is none, or no further one.
        """
        wanted = request_key(request, base_path="")
        while not self._waiting[wanted]:
            exchange = next(self._ahead, None)
            if exchange is None:
                raise NotRecordedError(
                    f"no recorded answer to {wanted[1] or 'this request'}",
                    venue=self._venue,
                    endpoint=wanted[0],
                    hint="it did not answer then, or what is asked for has changed since",
                )
            self._waiting[exchange.endpoint, exchange.request_key].append(exchange)
        exchange = self._waiting[wanted].popleft()
        if exchange.body is None:
            raise NotRecordedError(
                "the answer was not kept: over the memory budget of its collection",
                venue=self._venue,
                endpoint=wanted[0],
                hint="FUNDING_COLLECTION_MEMORY_MIB was too low for it, or the answer absurd",
            )
        return httpx.Response(
            exchange.status, content=exchange.body, extensions={EXTENSION: exchange}
        )
