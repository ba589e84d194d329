"""What faults do to a request over HTTP, whoever answers it: before the answer, and in its body."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from funding_platform.sandbox.damage import spoil
from funding_platform.sandbox.faults import (
    Body,
    Connection,
    Fault,
    FieldFault,
    Latency,
    Rows,
    Status,
)
from funding_platform.sandbox.transports import line_of
from funding_platform.sandbox.wire.contract import Reply

Struck = list[tuple[Fault, random.Random]]
"""The faults that meet one request, each with its generator."""


async def params_of(http: HttpRequest) -> Mapping[str, Any]:
    """Read the query of a GET, or the JSON object that a POST has for a body, if it has one."""
    if http.method == "GET":
        return http.query_params
    try:
        document = msgspec.json.decode(await http.body())
    except msgspec.DecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def response(reply: Reply, headers: Mapping[str, str] | None = None) -> Response:
    """Write an answer."""
    return Response(reply.body, reply.status, dict(headers or {}), media_type=reply.content_type)


async def early_fault(
    http: HttpRequest, struck: Struck, refusal: Callable[[int], Reply]
) -> Response | None:
    """Delay, or give the answer of a fault that leaves the venue unasked."""
    for fault, luck in struck:
        if isinstance(fault, Latency):
            await asyncio.sleep(fault.drawn(luck))
        elif isinstance(fault, Connection) and fault.action == "hang":
            await until_disconnect(http)
            return Response()
        elif isinstance(fault, Connection):
            line_of(http.scope).reset()
            return Response()
        elif isinstance(fault, Status):
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return response(refusal(fault.status), wait)
    return None


async def until_disconnect(http: HttpRequest) -> None:
    """Wait for the client to give up, or for the server to stop."""
    try:
        while (await http.receive())["type"] != "http.disconnect":
            continue
    except asyncio.CancelledError:
        # The server cancels what is still open when it stops; an answer must not slip out then.
        line_of(http.scope).transport.abort()


def spoilt(reply: Reply, struck: Struck) -> Reply:
    """Do to an answer what the faults in its body do."""
    for fault, _ in struck:
        if isinstance(fault, Body | FieldFault | Rows):
            content_type = "text/html" if getattr(fault, "action", "") == "html" else None
            body = spoil(reply.body, fault)
            reply = Reply(body, reply.status, reply.rows, content_type or reply.content_type)
    return reply
