"""What carries a stream: ``websockets``, behind as little as a connection needs of it.

Whatever goes wrong leaves as a ``VenueError``. Memory is bounded whatever arrives: a frame that is
too large ends the connection, and beyond ``MOST_WAITING`` frames nothing more is read, so that the
venue has to wait.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Final, Protocol, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import CloseCode

from funding_platform.venues.errors import (
    BannedError,
    ConnectionFailedError,
    ContractError,
    RateLimitedError,
    RedirectError,
    RequestError,
    ServerError,
    TooLargeError,
    VenueError,
    VenueTimeoutError,
)
from funding_platform.venues.rest.answers import SHUT_OUT, retry_after
from funding_platform.venues.rest.http import USER_AGENT

MAX_FRAME_BYTES: Final = 8 * 2**20
"""Of one message. The largest that any venue sends, all markets of Hyperliquid at once, has 0.2 MB
today."""

MOST_WAITING: Final = 16
"""Messages that were received and not yet read."""

_OPEN_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 1.0
_PING_SECONDS: Final = 20.0


class Transport(Protocol):
    """One open connection."""

    async def send(self, message: str) -> None:
        """Send a text.

        Raises
        ------
        VenueError
            If the connection has ended.
        """
        ...

    async def receive(self) -> str | bytes:
        """Wait for the next message; a text may come as it is or in UTF-8.

        Raises
        ------
        VenueError
            If the connection has ended, or the message is too large.
        """
        ...


OpenTransport: TypeAlias = Callable[
    [str, str, Mapping[str, str]], AbstractAsyncContextManager[Transport]
]
"""Opens a connection of a venue, to a URL, with headers; it is closed with the context."""


@asynccontextmanager
async def open_websocket(
    venue: str, url: str, headers: Mapping[str, str]
) -> AsyncIterator[Transport]:
    """Open a WebSocket for as long as the context lasts; redirects are not followed.

    Raises
    ------
    VenueError
        If it cannot be opened.
    """
    with _in_our_words(venue, url):
        connection = await _Connect(
            url,
            additional_headers=dict(headers),
            user_agent_header=None if "User-Agent" in headers else USER_AGENT,
            max_size=MAX_FRAME_BYTES,
            max_queue=MOST_WAITING,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PING_SECONDS,
        )
    try:
        yield _WebSocket(connection, venue, url)
    except VenueError:
        connection.transport.abort()  # who is silent would not answer a farewell either
        raise
    finally:
        await connection.close()


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        """Go nowhere but where we were sent."""
        return exc


class _WebSocket:
    def __init__(self, connection: ClientConnection, venue: str, url: str) -> None:
        self._connection = connection
        self._venue = venue
        self._url = url

    async def send(self, message: str) -> None:
        with _in_our_words(self._venue, self._url):
            await self._connection.send(message)

    async def receive(self) -> str | bytes:
        with _in_our_words(self._venue, self._url):
            return await self._connection.recv(decode=False)  # parsers read bytes anyway


@contextmanager
def _in_our_words(venue: str, url: str) -> Iterator[None]:
    """Raise what ``websockets`` raises as an error of the venue."""
    try:
        yield
    except InvalidStatus as error:
        raise _refused(error, venue, url) from error
    except ConnectionClosed as error:
        raise _ended(error, venue, url) from error
    except TimeoutError as error:
        raise VenueTimeoutError(
            f"no connection within {_OPEN_SECONDS:g} s", venue=venue, endpoint=url
        ) from error
    except (InvalidHandshake, OSError) as error:
        raise ConnectionFailedError(
            f"cannot connect: {error}" if str(error) else "cannot connect",
            venue=venue,
            endpoint=url,
        ) from error
    except InvalidURI as error:
        raise RequestError(
            f"no address of a stream: {error.msg}",
            venue=venue,
            endpoint=url,
            hint='set FUNDING_STREAM_URLS, such as {"okx": "ws://127.0.0.1:8900/okx"}',
        ) from error


def _refused(error: InvalidStatus, venue: str, url: str) -> VenueError:
    """Make the error of a handshake that was answered otherwise than by 101."""
    status = error.response.status_code
    kind, said = _meaning(status)
    refusal = kind(
        f"HTTP {status} instead of a stream, {said}",
        venue=venue,
        endpoint=url,
        payload=bytes(error.response.body),
    )
    refusal.retry_after = retry_after(error.response.headers.get("Retry-After"))
    return refusal


def _meaning(status: int) -> tuple[type[VenueError], str]:
    if status in SHUT_OUT:
        return BannedError, SHUT_OUT[status]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedError, "too many requests"
    if 300 <= status < 400:
        return RedirectError, "a redirect"
    if status >= 500:
        return ServerError, "a fault of the venue"
    if status >= 400:
        return RequestError, "declined"
    return ContractError, "no WebSocket"


def _ended(error: ConnectionClosed, venue: str, url: str) -> VenueError:
    sent, received = error.sent, error.rcvd
    if sent is not None and sent.code == CloseCode.MESSAGE_TOO_BIG:
        return TooLargeError(
            f"a message of more than {MAX_FRAME_BYTES:,} bytes", venue=venue, endpoint=url
        )
    if received is not None:
        reason = f" ({received.reason})" if received.reason else ""
        return ConnectionFailedError(
            f"closed by the venue with code {received.code}{reason}", venue=venue, endpoint=url
        )
    if sent is not None:
        why = f"closed by us with code {sent.code}: {sent.reason or 'no reason'}"
        return ConnectionFailedError(why, venue=venue, endpoint=url)
    return ConnectionFailedError("broken off without a word", venue=venue, endpoint=url)
