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
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import visible
from funding_platform.service.access.buckets import Buckets
from funding_platform.service.access.callers import Caller, presented_key, require_loopback
from funding_platform.service.access.door import Door, send_entry
from funding_platform.service.access.keys import Keyring, Rate, StoredKey, not_let_in
from funding_platform.service.access.times import Times
from funding_platform.service.cache import Cache
from funding_platform.service.dashboard import PATHS as DASHBOARD
from funding_platform.service.formats import negotiated
from funding_platform.service.problems import ProblemError, problem_of
from funding_platform.telemetry import declared
from funding_platform.telemetry.logging import REQUEST_ID
from funding_platform.telemetry.metrics import Family

_LOG = logging.getLogger("funding_platform.service.access")

LARGEST_BODY_BYTES: Final = 16_384
"""Of a request: the largest that there is sets fees, in some hundred bytes."""

BODY_SECONDS: Final = 10.0

LARGEST_QUERY_BYTES: Final = 8_192

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"}) | DASHBOARD
"""What a supervisor asks, and a browser that has no key yet; it says nothing of the data."""

_GUESSES: Final = Rate(5, 60.0)
"""Wrong secrets for one key: each costs a digest of 50 ms."""

_ANONYMOUS: Final = "-"


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
        self._times = Times()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a WebSocket, or the start and end of the process."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        caller = Caller(None, f"{self._prefix}{next(self._numbers):x}")
        scope["funding.caller"] = caller
        REQUEST_ID.set(caller.request_id)
        door = Door(scope, send, caller)
        try:
            await self._let_in(scope, caller, door)
            if scope["type"] == "http" and await self._sent_again(scope, door):
                return
            await self._app(scope, _bounded(scope, receive), door.send)
        except FundingError as error:
            await door.refuse(problem_of(error))
        finally:
            took = time.perf_counter() - began
            if scope["type"] == "http":
                self.answered[door.status // 100] = self.answered.get(door.status // 100, 0) + 1
                self._times.count(took)
            if _LOG.isEnabledFor(logging.INFO):
                self._log(scope, caller, door.status, took)

    def families(self) -> list[Family]:
        """Return what was answered, by the class of its status, and how long answers took."""
        return [
            declared.SERVICE_ANSWERS.of(
                {(f"{kind}xx",): float(number) for kind, number in sorted(self.answered.items())}
            ),
            declared.SERVICE_SECONDS.single(self._times.distribution()),
        ]

    async def _let_in(self, scope: Scope, caller: Caller, door: Door) -> None:
        headers = dict(scope["headers"])
        if len(scope["query_string"]) > LARGEST_QUERY_BYTES:
            raise ProblemError(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"the query has more than {LARGEST_QUERY_BYTES:,} bytes",
                hint="name fewer things",
            )
        if not self._public:
            require_loopback(headers)
        if scope["type"] == "websocket":
            self._require_known_origin(headers)
        elif int(headers.get(b"content-length", b"0") or b"0") > LARGEST_BODY_BYTES:
            raise _too_large()
        presented = presented_key(headers)
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

    async def _sent_again(self, scope: Scope, door: Door) -> bool:
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
        await send_entry(entry, encoding, known, door.send)
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
            extra={
                "method": method,
                "path": visible(scope["path"]),
                "status": status,
                "milliseconds": round(1e3 * seconds, 3),
                "key": caller.key.id if caller.key else None,
            },
        )


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
