"""Bodies of requests: no larger than any of this service is, and no slower than they may come."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.types import Message, Receive, Scope

from funding_platform.service.problems import ProblemError

LARGEST_BODY_BYTES: Final = 16_384
"""Of a request: the largest that there is makes a webhook, in some thousand bytes."""

BODY_SECONDS: Final = 10.0


def bounded_body(scope: Scope, receive: Receive) -> Receive:
    """Receive a request's body up to ``LARGEST_BODY_BYTES``, and no slower than it may come."""
    if scope["type"] != "http":
        return receive
    received, whole = 0, scope["method"] == "GET"

    async def bounded() -> Message:
        nonlocal received, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not come within {BODY_SECONDS:g} s",
                hint="send it at once",
            ) from None
        received += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if received > LARGEST_BODY_BYTES:
            raise too_large()
        return message

    return bounded


def too_large() -> ProblemError:
    """Return the problem that a body is too large."""
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body has more than {LARGEST_BODY_BYTES:,} bytes",
        hint="no request of this service is so large",
    )
