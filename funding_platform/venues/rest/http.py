"""The one HTTP client: timeouts, bounded bodies, budgets, retries, and errors with a type.

It sends, and reads what comes back; what that is, ``answers`` tells. Whatever goes wrong leaves as
a ``VenueError``.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any, TypeVar

import httpx

from funding_platform.core.system.clock import utc_now
from funding_platform.venues.errors import (
    BannedError,
    ConnectionFailedError,
    TooLargeError,
    UndecodableError,
    VenueError,
    VenueTimeoutError,
)
from funding_platform.venues.rest.answers import decoded, raise_for_refusal
from funding_platform.venues.rest.breaker import Breaker
from funding_platform.venues.rest.clocks import ahead_of
from funding_platform.venues.rest.encodings import ACCEPTED, BrokenEncodingError, Inflation
from funding_platform.venues.rest.endpoints import Endpoint, Params, RefusalHook
from funding_platform.venues.rest.limits import Budget, Limiter
from funding_platform.venues.rest.memory import MAX_BODY_BYTES, Share
from funding_platform.venues.rest.recording import (
    EXTENSION,
    Exchange,
    Recorder,
    observe,
    request_key,
)
from funding_platform.venues.rest.retries import is_waitable, retrying
from funding_platform.venues.rest.stats import Stats
from funding_platform.venues.unexpected import typed_failures

USER_AGENT = f"funding-platform/{version('funding-platform')}"
"""Extended answers 403 to clients that do not name themselves."""

HIDDEN = b"(hidden)"
"""What an answer has in place of a key that it says back."""

_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": ACCEPTED}

_IS_IT_US = (
    "`funding doctor --ask-venues` tells whether it is this venue, or this machine's network"
)

T = TypeVar("T")


class HttpClient:
    """Talks to one venue.

    Parameters
    ----------
    venue
        Name of the venue, for errors.
    base_url
        What endpoint paths are appended to; may itself have a path.
    budget
        The budget of endpoints that name none.
    refusal
        Finds error codes in bodies.
    used_weight_header
        Header in which the venue reports what it has counted against ``budget``.
    timeout_seconds
        For a whole exchange, from connecting to the last byte.
    limiter
        Keeps to the budgets.
    headers
        Sent with every request; never logged, and not kept where a venue repeats one.
    home_url
        The venue's own address. A ``base_url`` that differs stands for all hosts of the venue.
    breaker
        Stands in front of every call; by default one of its own.
    clock
        Stamps the exchanges.
    record
        Given every complete answer, good or bad.
    memory
        What the answers may take; without it any one up to ``MAX_BODY_BYTES``.
    transport
        In place of the network.
    retry_seconds
        Wait before the second try of a call; it doubles from try to try.
    """

    def __init__(
        self,
        venue: str,
        base_url: str,
        *,
        budget: Budget,
        refusal: RefusalHook,
        used_weight_header: str | None,
        timeout_seconds: float,
        limiter: Limiter,
        headers: Mapping[str, str] | None = None,
        home_url: str | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], datetime] = utc_now,
        record: Recorder | None = None,
        memory: Share | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        retry_seconds: float = 0.5,
    ) -> None:
        self.stats = Stats()
        self.memory = memory or Share(venue)
        self._venue = venue
        self._base_url = base_url.rstrip("/")
        self._at_home = base_url == home_url
        self._budget = budget
        self._refusal = refusal
        self._used_weight_header = used_weight_header
        self._timeout_seconds = timeout_seconds
        self._limiter = limiter
        self._breaker = breaker or Breaker(venue)
        self._clock = clock
        self._secrets = tuple(value.encode() for value in (headers or {}).values())
        self._record = record
        self._unanswered: VenueError | None = None
        self._base_path = httpx.URL(self._base_url).raw_path.decode().rstrip("/")
        self._retry = retrying(retry_seconds)
        self._client = httpx.AsyncClient(
            headers={**_HEADERS, **(headers or {})},
            timeout=timeout_seconds,
            follow_redirects=False,
            transport=transport or _carrier(),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def fetch(self, endpoint: Endpoint[T], params: Params | None = None) -> T:
        """Make one call and return its decoded answer, after as many tries as are worth it.

        A call that is not repeatable has one.

        Raises
        ------
        VenueError
            The last try's failure, or the first that no other try could change.
        """
        self.stats.calls += 1
        refused: list[VenueError] = []
        with self._breaker.call() as on_trial, typed_failures(self._venue, endpoint.path):
            try:
                if on_trial or not endpoint.repeatable:
                    return await self._exchange(endpoint, params or {})
                return await self._retry(self._try, endpoint, params or {}, refused)
            except asyncio.CancelledError:
                self._unanswered = refused[-1] if refused else self._unanswered
                raise

    def cut_off(self, otherwise: VenueError) -> VenueError:
        """Count against the venue that its time was up, and return why it had not answered.

        Parameters
        ----------
        otherwise
            The reason where no call that was cut off had been refused before.
        """
        reason = self._unanswered or otherwise
        self._breaker.count(reason)
        return reason

    async def _try(self, endpoint: Endpoint[T], params: Params, refused: list[VenueError]) -> T:
        """Send one of the tries of a call; a failure is noted, should no other try have time."""
        try:
            return await self._exchange(endpoint, params)
        except VenueError as error:
            refused[:] = [error]
            raise

    async def _exchange(self, endpoint: Endpoint[T], params: Params) -> T:
        budget = endpoint.budget or self._budget
        request = self._build(endpoint, params)
        async with self._limiter.spend(budget, endpoint.weight):
            self._breaker.require_no_ban()  # waiting for the budget may have taken minutes
            response, body = await self._send(request)
            self._learn_usage(response, endpoint)
        try:
            raise_for_refusal(self._venue, response, body, self._refusal)
        except VenueError as error:
            if isinstance(error, BannedError) or not is_waitable(error.retry_after):
                self._breaker.ban(error)
            elif error.retry_after is not None:
                self._limiter.pause(budget, error.retry_after)
            raise
        self.memory.hold_decoded(body)
        return decoded(endpoint, body, self._venue, str(request.url))

    def _build(self, endpoint: Endpoint[T], params: Params) -> httpx.Request:
        path, remaining = endpoint.locate(params)
        url = (endpoint.host if endpoint.host and self._at_home else self._base_url) + path
        if endpoint.method == "POST":
            return self._client.build_request("POST", url, json=remaining)
        query: Any = remaining or None  # an object within it is only ever posted
        return self._client.build_request("GET", url, params=query)

    async def _send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        where = {"venue": self._venue, "endpoint": str(request.url)}
        self.stats.requests += 1
        started, sent_at = time.perf_counter(), self._clock()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._client.send(request, stream=True)
                try:
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise VenueTimeoutError(
                f"no complete answer within {self._timeout_seconds:g} s", **where
            ) from None
        except BrokenEncodingError as error:
            raise UndecodableError(f"broken compression: {error}", **where) from error
        except httpx.TransportError as error:
            reason = f"{type(error).__name__} {error}".rstrip()
            raise ConnectionFailedError(
                f"no connection: {reason}", hint=_IS_IT_US, **where
            ) from error
        finally:
            self.stats.busy_seconds += time.perf_counter() - started
        self._note(response, body, sent_at)
        return response, body

    def _note(self, response: httpx.Response, body: bytes, sent_at: datetime) -> None:
        """Measure and record an exchange; one that is played back is what it was."""
        exchange = response.extensions.get(EXTENSION) or Exchange(
            *request_key(response.request, self._base_path),
            response.status_code,
            body,
            sent_at,
            self._clock(),
        )
        observe(exchange)
        if EXTENSION not in response.extensions:
            self.stats.compare_clocks(ahead_of(response.headers, exchange.observed_at))
        if self._record is not None:
            self._record(exchange)

    async def _read(self, response: httpx.Response) -> bytes:
        """Read the body, its compression undone, as long as it stays within bounds."""
        if response.is_stream_consumed:  # played back
            return response.content
        body, inflation = bytearray(), Inflation(response.headers.get("content-encoding", ""))
        if _announced(response) > MAX_BODY_BYTES:
            raise self._too_long(response, body)
        try:
            async for chunk in response.aiter_raw():
                for piece in inflation.pieces(chunk):
                    self.memory.take(len(piece), "while its answers are read")
                    body += piece
                    if len(body) > MAX_BODY_BYTES:
                        raise self._too_long(response, body)
        finally:
            self.memory.give_back(len(body))
        inflation.finish()
        for secret in self._secrets:  # a refusal that repeats the key goes to log and lake
            body = body.replace(secret, HIDDEN)
        return bytes(body)

    def _too_long(self, response: httpx.Response, body: bytearray) -> TooLargeError:
        return TooLargeError(
            f"the answer is longer than {MAX_BODY_BYTES} bytes",
            venue=self._venue,
            endpoint=str(response.request.url),
            payload=bytes(body[:1024]),
        )

    def _learn_usage(self, response: httpx.Response, endpoint: Endpoint[T]) -> None:
        """Take over what the venue has counted; another host of it counts by itself."""
        if self._used_weight_header is None:
            return
        elsewhere = endpoint.budget if endpoint.host is not None else None
        used = response.headers.get(self._used_weight_header, "")
        if used.isdecimal():
            self._limiter.observe(elsewhere or self._budget, float(used))


def _announced(response: httpx.Response) -> float:
    """Read the length that the header promises; 0 where it promises none."""
    length = response.headers.get("content-length", "")
    return float(length) if length.isdecimal() else 0.0


def _carrier() -> httpx.AsyncBaseTransport:
    """Return what carries requests, loaded here: who only asks what venues there are needs none."""
    from funding_platform.venues.rest.transport import AiohttpTransport, trusted

    return AiohttpTransport(trusted())
