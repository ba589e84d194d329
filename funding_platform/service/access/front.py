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
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import visible
from funding_platform.service.access.bodies import LARGEST_BODY_BYTES, bounded_body, too_large
from funding_platform.service.access.buckets import Buckets
from funding_platform.service.access.callers import (
    Caller,
    is_loopback,
    presented_key,
    require_loopback,
)
from funding_platform.service.access.door import Door, send_entry
from funding_platform.service.access.keys import Keyring, Rate, StoredKey, not_let_in
from funding_platform.service.access.sessions import Sessions, is_own, origin_of, require_same_site
from funding_platform.service.access.times import Times
from funding_platform.service.cache import Cache
from funding_platform.service.dashboard import PATHS as DASHBOARD
from funding_platform.service.dashboard import SESSION
from funding_platform.service.formats import negotiated
from funding_platform.service.problems import ProblemError, problem_of
from funding_platform.telemetry import declared
from funding_platform.telemetry.logging import REQUEST_ID
from funding_platform.telemetry.metrics import Family

_LOG = logging.getLogger("funding_platform.service.access")

LARGEST_QUERY_BYTES: Final = 8_192

STREAM: Final = "/api/v1/stream"
"""Has no end, so nothing is known of it beforehand."""

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", SESSION}) | DASHBOARD
"""What a supervisor asks, and a browser that has no key yet; it says nothing of the data."""

_OPEN_TO_ALL: Final = OPEN_PATHS - {SESSION}
"""Where it makes no difference who asks."""

_GUESSES: Final = Rate(5, 60.0)
"""Wrong secrets for one key: each costs a digest of 50 ms."""

_NOT_AT_ONCE: Final = frozenset(
    {b"cookie", b"origin", b"expect", b"content-length", b"transfer-encoding"}
)
"""Headers of requests that there is more to say of, or more to come of."""

_ANONYMOUS: Final = "-"


class Front:
    """Lets requests in, or says why not.

    Parameters
    ----------
    app
        What answers them.
    keyring
        The keys that there are.
    sessions
        What stands for them in browsers.
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
        sessions: Sessions,
        cache: Cache,
        public: bool,
        origins: Collection[str] = (),
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._keyring = keyring
        self._sessions = sessions
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
        if scope.get("method") == "HEAD" and scope["path"] != STREAM:
            scope = {**scope, "method": "GET"}  # the server leaves out the body, as it was asked
        scope["funding.caller"] = caller
        REQUEST_ID.set(caller.request_id)
        door = Door(scope, send, caller)
        try:
            headers = dict(scope["headers"])
            await self._let_in(scope, caller, door, headers)
            if scope["type"] == "http" and await self._sent_again(scope, door, headers):
                return
            await self._app(scope, bounded_body(scope, receive), door.send)
        except FundingError as error:
            await door.refuse(problem_of(error))
        finally:
            took = time.perf_counter() - began
            if scope["type"] == "http":
                self._note(scope["method"], scope["path"], caller, door.status, took)
            elif _LOG.isEnabledFor(logging.INFO):
                self._log("WEBSOCKET", scope["path"], caller, door.status, took)

    def at_once(
        self, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> tuple[bytes, bytes] | None:
        """Return the answer that is there already, where there is nothing to wait for.

        It says what ``__call__`` would, for a fraction of what a task, a scope and two messages
        take. None where ``__call__`` is to be asked, be it for a problem.

        Parameters
        ----------
        path, query, headers
            Of a GET without a body.

        Returns
        -------
        tuple
            Its head and its body.
        """
        began, found = time.perf_counter(), dict(headers)
        if not _NOT_AT_ONCE.isdisjoint(found) or len(query) > LARGEST_QUERY_BYTES:
            return None
        key = None
        if self._public or b"authorization" in found or b"x-api-key" in found:
            presented = presented_key(found)
            key = None if presented is None else self._keyring.known(presented)
            if key is None:
                return None
        if not self._public and not is_loopback(found.get(b"host", b"")):
            return None
        try:
            form = negotiated(found.get(b"accept", b"").decode("latin-1"))
        except ProblemError:
            return None
        asked = (path, query, form)
        entry = self._cache.good(asked)
        if entry is None:
            return None
        taken = None if key is None else self._buckets.take(key.id, key.rate)
        if taken is not None and not taken.allowed:
            return None
        self._cache.hit(asked)
        request_id = f"{self._prefix}{next(self._numbers):x}"
        status, head, body = entry.answer(
            found.get(b"accept-encoding", b""), found.get(b"if-none-match", b"")
        )
        self._note("GET", path, Caller(key, request_id), status, time.perf_counter() - began)
        limits = b"" if taken is None else b"".join(b"%s: %s\r\n" % one for one in taken.headers)
        age = int(entry.age(time.monotonic()))
        told = b"%sage: %d\r\nx-request-id: %s\r\n%s"
        return told % (head, age, request_id.encode(), limits), body

    def _note(self, method: str, path: str, caller: Caller, status: int, took: float) -> None:
        """Count an answer, and log it."""
        self.answered[status // 100] = self.answered.get(status // 100, 0) + 1
        self._times.count(took)
        if _LOG.isEnabledFor(logging.INFO):
            self._log(method, path, caller, status, took)

    def families(self) -> list[Family]:
        """Return what was answered, by the class of its status, and how long answers took."""
        return [
            declared.SERVICE_ANSWERS.of(
                {(f"{kind}xx",): float(number) for kind, number in sorted(self.answered.items())}
            ),
            declared.SERVICE_SECONDS.single(self._times.distribution()),
        ]

    async def _let_in(
        self, scope: Scope, caller: Caller, door: Door, headers: Mapping[bytes, bytes]
    ) -> None:
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
            raise too_large()
        presented = presented_key(headers)
        if presented is not None:
            caller.key = await self._checked(presented)
        elif b"cookie" in headers and scope["path"] not in _OPEN_TO_ALL:
            self._know_again(scope, caller, headers)
        if caller.key is not None:
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

    def _know_again(self, scope: Scope, caller: Caller, headers: Mapping[bytes, bytes]) -> None:
        """Let a session stand for its key, where both last."""
        session = self._sessions.known(headers)
        key = None if session is None else self._keyring.get(session.key_id)
        if key is not None:
            require_same_site(scope.get("method", "GET"), headers)
            caller.key, caller.session = key, session

    def _require_known_origin(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse WebSockets of pages from elsewhere, which no browser would."""
        origin = origin_of(headers)
        if origin and origin not in self._origins and not is_own(origin, headers):
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

    async def _sent_again(self, scope: Scope, door: Door, headers: Mapping[bytes, bytes]) -> bool:
        """Send what was answered before, if it is still good."""
        if scope["method"] != "GET":
            return False
        try:
            form = negotiated(headers.get(b"accept", b"").decode("latin-1"))
        except ProblemError:
            return False
        entry = self._cache.get((scope["path"], scope["query_string"], form))
        if entry is None:
            return False
        encoding = headers.get(b"accept-encoding", b"")
        await send_entry(entry, encoding, headers.get(b"if-none-match", b""), door.send)
        return True

    def _log(self, method: str, path: str, caller: Caller, status: int, seconds: float) -> None:
        _LOG.info(
            "%s %s %d %.1f ms key %s request %s",
            method,
            visible(path),
            status,
            1e3 * seconds,
            caller.key.id if caller.key else _ANONYMOUS,
            caller.request_id,
            extra={
                "method": method,
                "path": visible(path),
                "status": status,
                "milliseconds": round(1e3 * seconds, 3),
                "key": caller.key.id if caller.key else None,
            },
        )
