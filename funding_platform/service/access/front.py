"""The front door: who asks, how large, how fast; and what has been answered already.

Plain ASGI, because each answer passes here: one that is still good is sent from its bytes without
a route being looked for. The access log has methods, paths, statuses and ids of keys; never a key,
nor a query, in which somebody may have put one by mistake.
"""

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import visible
from funding_platform.service.access.buckets import Buckets, Taken
from funding_platform.service.access.keys import Keyring, Rate, StoredKey, not_let_in
from funding_platform.service.cache import Cache, Entry
from funding_platform.service.dashboard import PATHS as DASHBOARD
from funding_platform.service.formats import negotiated
from funding_platform.service.problems import MEDIA_TYPE, ProblemError, problem_body, problem_of
from funding_platform.telemetry.metrics import Family

_LOG = logging.getLogger("funding_platform.service.access")

LARGEST_BODY_BYTES: Final = 16_384
"""Of a request: the largest that there is sets fees, in some hundred bytes."""

BODY_SECONDS: Final = 10.0

LARGEST_QUERY_BYTES: Final = 8_192

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"}) | DASHBOARD
"""What a supervisor asks, and a browser that has no key yet; it says nothing of the data."""

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost", "testserver"})

_GUESSES: Final = Rate(5, 60.0)
"""Wrong secrets for one key: each costs a digest of 50 ms."""

_ANONYMOUS: Final = "-"


@dataclass
class Caller:
    """Who asks.

    Parameters
    ----------
    key
        The key that came with the request; None on loopback without one.
    request_id
        What the log and a problem name the request by.
    """

    key: StoredKey | None
    request_id: str


def caller_of(scope: MutableMapping[str, Any]) -> Caller:
    """Return who asks."""
    caller: Caller = scope["funding.caller"]
    return caller


def require_admin(caller: Caller) -> StoredKey:
    """Return the admin key that a request came with: it is needed on loopback too.

    Raises
    ------
    ProblemError
        401 without a key, 403 with one that may only read.
    """
    if caller.key is None:
        raise not_let_in("an admin key is needed")
    if caller.key.scope != "admin":
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"key {caller.key.id} may only read",
            hint="`funding keys create --scope admin` makes one that may set fees",
        )
    return caller.key


class Front:
    """Lets requests in, or says why not.

    Parameters
    ----------
    app
        What answers them.
    keyring
        The keys that there are.
    cache
        What has been answered already.
    public
        Whether everybody needs a key; else only this machine is served.
    origins
        Of the pages elsewhere that may open streams.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        cache: Cache,
        public: bool,
        origins: Collection[str] = (),
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._keyring = keyring
        self._cache = cache
        self._public = public
        self._buckets = Buckets()
        self._guesses = Buckets()
        self._prefix = secrets.token_hex(3)
        self._numbers = itertools.count(1)
        self.answered: dict[int, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a WebSocket, or the start and end of the process."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        caller = Caller(None, f"{self._prefix}{next(self._numbers):x}")
        scope["funding.caller"] = caller
        door = _Door(scope, send, caller)
        try:
            await self._let_in(scope, caller, door)
            if scope["type"] == "http" and await self._sent_again(scope, door):
                return
            await self._app(scope, _bounded(scope, receive), door.send)
        except FundingError as error:
            await door.refuse(problem_of(error))
        finally:
            if scope["type"] == "http":
                self.answered[door.status // 100] = self.answered.get(door.status // 100, 0) + 1
            if _LOG.isEnabledFor(logging.INFO):
                self._log(scope, caller, door.status, time.perf_counter() - began)

    def families(self) -> list[Family]:
        """Return what was answered, by the class of its status."""
        return [
            Family(
                "funding_service_answers",
                "Requests answered since the service began, by the class of their status.",
                ("status",),
                {(f"{kind}xx",): float(number) for kind, number in sorted(self.answered.items())},
            )
        ]

    async def _let_in(self, scope: Scope, caller: Caller, door: "_Door") -> None:
        headers = dict(scope["headers"])
        if len(scope["query_string"]) > LARGEST_QUERY_BYTES:
            raise ProblemError(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"the query has more than {LARGEST_QUERY_BYTES:,} bytes",
                hint="name fewer things",
            )
        if not self._public:
            _require_loopback(headers)
        if scope["type"] == "websocket":
            self._require_known_origin(headers)
        elif int(headers.get(b"content-length", b"0") or b"0") > LARGEST_BODY_BYTES:
            raise _too_large()
        presented = _presented(headers)
        if presented is not None:
            caller.key = await self._checked(presented)
            door.taken = self._buckets.take(caller.key.id, caller.key.rate)
            if not door.taken.allowed:
                raise ProblemError(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"key {caller.key.id} may ask {caller.key.rate}",
                    hint=f"ask again in {door.taken.reset_seconds} s; the headers RateLimit-* "
                    "say how much is left",
                )
        elif self._public and scope["path"] not in OPEN_PATHS:
            raise not_let_in("a key is needed")

    def _require_known_origin(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse WebSockets of pages from elsewhere, which no browser would."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if origin and origin not in self._origins and urlsplit(origin).netloc != host:
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                f"origin: pages of {origin!r} may not open streams",
                hint="name the origin in FUNDING_SERVICE_ORIGINS",
            )

    async def _checked(self, presented: str) -> StoredKey:
        key = self._keyring.known(presented)
        if key is not None:
            return key
        claimed = self._keyring.named(presented)
        if claimed is None:
            raise not_let_in("the key is not one of this service, or was withdrawn")
        if not self._guesses.take(claimed.id, _GUESSES).allowed:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many wrong secrets for this key",
                hint="wait a minute",
                headers={"Retry-After": "60"},
            )
        key = await asyncio.to_thread(self._keyring.check, presented)
        if key is None:
            raise not_let_in("the key is not one of this service, or was withdrawn")
        return key

    async def _sent_again(self, scope: Scope, door: "_Door") -> bool:
        """Send what was answered before, if it is still good."""
        if scope["method"] != "GET":
            return False
        accept = encoding = known = b""
        for name, value in scope["headers"]:
            if name == b"accept":
                accept = value
            elif name == b"accept-encoding":
                encoding = value
            elif name == b"if-none-match":
                known = value
        try:
            form = negotiated(accept.decode("latin-1"))
        except ProblemError:
            return False
        entry = self._cache.get((scope["path"], scope["query_string"], form))
        if entry is None:
            return False
        await _send(entry, encoding, known, door.send)
        return True

    def _log(self, scope: Scope, caller: Caller, status: int, seconds: float) -> None:
        method = scope.get("method", "WEBSOCKET")
        _LOG.info(
            "%s %s %d %.1f ms key %s request %s",
            method,
            visible(scope["path"]),
            status,
            1e3 * seconds,
            caller.key.id if caller.key else _ANONYMOUS,
            caller.request_id,
        )


class _Door:
    """What goes out: with what the bucket says, and its status noted."""

    def __init__(self, scope: Scope, send: Send, caller: Caller) -> None:
        self._websocket = scope["type"] == "websocket"
        self._send = send
        self._caller = caller
        self._began = False
        self.taken: Taken | None = None
        self.status = 101 if self._websocket else 500

    async def send(self, message: Message) -> None:
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


async def _send(entry: Entry, encoding: bytes, known: bytes, send: Send) -> None:
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


def _presented(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the key that came with a request, if one did."""
    said = headers.get(b"authorization", b"").decode("latin-1")
    scheme, _, key = said.partition(" ")
    if scheme.lower() == "bearer" and key:
        return key.strip()
    own = headers.get(b"x-api-key")
    return own.decode("latin-1") if own else None


def _require_loopback(headers: Mapping[bytes, bytes]) -> None:
    """Refuse names that are not this machine's: a page elsewhere may have one that leads here.

    Raises
    ------
    ProblemError
        421.
    """
    host = headers.get(b"host", b"")
    if not _is_loopback(host):
        raise ProblemError(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"host: {host.decode('latin-1')!r} is not this machine, which alone is served",
            hint="ask http://127.0.0.1 or localhost, or start it with --public",
        )


@lru_cache(maxsize=64)
def _is_loopback(host: bytes) -> bool:
    try:
        return urlsplit(f"//{host.decode('latin-1')}").hostname in LOOPBACK
    except ValueError:  # no address, such as [::
        return False


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """Receive a request's body up to ``LARGEST_BODY_BYTES``, and no slower than it may come."""
    if scope["type"] != "http":
        return receive
    received, whole = 0, scope["method"] == "GET"

    async def bounded() -> Message:
        nonlocal received, whole
        if whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), BODY_SECONDS)
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not come within {BODY_SECONDS:g} s",
                hint="send it at once",
            ) from None
        received += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if received > LARGEST_BODY_BYTES:
            raise _too_large()
        return message

    return bounded


def _too_large() -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body has more than {LARGEST_BODY_BYTES:,} bytes",
        hint="no request of this service is so large",
    )
