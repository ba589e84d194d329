"""The ASGI application: every venue below its own prefix, and ``/_control`` to steer the sandbox.

A request passes, in this order: statistics, connection faults and delays, limits, the venue's
handler, and faults in the body. Sockets are in ``streams``.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute
from starlette.routing import WebSocketRoute

from funding_platform.sandbox.damage import spoil
from funding_platform.sandbox.errors import SandboxError
from funding_platform.sandbox.faults import (
    FAULTS,
    Body,
    Connection,
    Fault,
    FaultPlan,
    FieldFault,
    Latency,
    Rows,
    Status,
    parse_faults,
)
from funding_platform.sandbox.limits import Limiter
from funding_platform.sandbox.market import Market
from funding_platform.sandbox.stage import Stage
from funding_platform.sandbox.statistics import Counter, Statistics
from funding_platform.sandbox.streams import Streams
from funding_platform.sandbox.transports import line_of
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Route,
    Wire,
    WireError,
)
from funding_platform.sandbox.wire.registry import WIRES

Struck = list[tuple[Fault, random.Random]]
"""The faults that meet one request, each with its generator."""


@dataclass(slots=True)
class Sandbox:
    """The state behind the application: a market, the faults in force, limits, statistics."""

    market: Market
    enforce_limits: bool = False
    enforce_retention: bool = False
    plan: FaultPlan = field(default_factory=FaultPlan)
    statistics: Statistics = field(default_factory=Statistics)
    limiter: Limiter = field(default_factory=lambda: Limiter(time.time))

    async def answer(self, http: HttpRequest) -> Response:
        """Answer one request to a venue."""
        venue = http.path_params["venue"]
        wire = WIRES.get(venue)
        if wire is None:
            document = {"error": f"no venue {venue!r} here", "venues": sorted(WIRES)}
            return JSONResponse(document, status_code=404)
        path, sent = f"/{http.path_params['path']}", await _params(http)
        route, in_path = wire.route(http.method, path, sent.get("type"))
        endpoint = route.endpoint if route else path
        # Paths that no route serves share one counter, so that strays cannot fill the memory.
        counter = self.statistics.counter(venue, route.endpoint if route else "(unknown)")
        counter.requests += 1
        struck = self.plan.strike(venue, endpoint)
        counter.faults += len(struck)
        early = await _early_fault(http, wire, struck, self.market.now_ms())
        if early is not None:
            return early
        request = self._request(wire, {**sent, **in_path}, http.headers)
        reply, headers = self._reply(wire, route, request, _client(http), counter)
        return _response(_spoilt(reply, struck), headers)

    def _request(
        self, wire: Wire, params: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Request:
        kept = wire.retention_days if self.enforce_retention else None
        return Request(self.market, wire.style.venue, params, self.market.now_ms(), kept, headers)

    def _reply(
        self, wire: Wire, route: Route | None, request: Request, client: str, counter: Counter
    ) -> tuple[Reply, Mapping[str, str]]:
        """Make the venue's answer and its rate headers, after the limits where it enforces them."""
        if route is None:
            return wire.not_found, {}
        if not self.enforce_limits:
            reply = _handled(wire, route, request)
            counter.rows += reply.rows
            return reply, {}
        cost = route.cost(request, 0)
        verdict = self.limiter.admit(request.venue, client, wire.limits, cost)
        if verdict.status is not None:
            counter.refused += 1
            return wire.refusal(verdict.status, request.now_ms), verdict.headers
        reply = _handled(wire, route, request)
        counter.rows += reply.rows
        extra = {k: units - cost[k] for k, units in route.cost(request, reply.rows).items()}
        self.limiter.charge(request.venue, client, wire.limits, extra)
        return reply, verdict.headers

    async def control_faults(self, http: HttpRequest) -> Response:
        """List the faults in force for GET, add some for POST, clear them for DELETE."""
        if http.method == "DELETE":
            self.plan.clear()
        elif http.method == "POST":
            try:
                self.plan.add(parse_faults(await http.body()))
            except SandboxError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return Response(FAULTS.dump_json(self.plan.faults), media_type="application/json")

    async def control_stats(self, http: HttpRequest) -> Response:
        """Return the counters per venue and endpoint."""
        return JSONResponse(self.statistics.counted())


def create_app(
    market: Market,
    *,
    faults: Iterable[Fault] = (),
    enforce_limits: bool = False,
    enforce_retention: bool = False,
    pace: float = 1.0,
) -> Starlette:
    """Make the application over a market.

    Parameters
    ----------
    market
        What the venues show.
    faults
        Faults in force from the start.
    enforce_limits
        Refuse requests beyond the documented limits and send the rate headers.
    enforce_retention
        Forget history where the venue does.
    pace
        How many times faster than the venues' own the periods of their streams run.
    """
    sandbox = Sandbox(market, enforce_limits, enforce_retention)
    sandbox.plan.add(list(faults))
    stage = Stage(market, sandbox.plan, sandbox.statistics, enforce_limits, pace)
    return Starlette(
        routes=[
            HttpRoute(
                "/_control/faults", sandbox.control_faults, methods=["GET", "POST", "DELETE"]
            ),
            HttpRoute("/_control/stats", sandbox.control_stats),
            HttpRoute("/{venue}/{path:path}", sandbox.answer, methods=["GET", "POST"]),
            WebSocketRoute("/{venue}/{path:path}", Streams(stage).serve),
        ]
    )


async def _params(http: HttpRequest) -> Mapping[str, Any]:
    """Read the query of a GET, or the JSON object that a POST has for a body, if it has one."""
    if http.method == "GET":
        return http.query_params
    try:
        document = msgspec.json.decode(await http.body())
    except msgspec.DecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _client(http: HttpRequest) -> str:
    return http.client.host if http.client else ""


def _handled(wire: Wire, route: Route, request: Request) -> Reply:
    try:
        return route.handler(request)
    except WireError as error:
        return error.reply
    except ParameterError as error:
        return wire.bad_parameter(error.name, request.now_ms)


def _response(reply: Reply, headers: Mapping[str, str]) -> Response:
    return Response(reply.body, reply.status, dict(headers), media_type=reply.content_type)


async def _early_fault(
    http: HttpRequest, wire: Wire, struck: Struck, now_ms: int
) -> Response | None:
    """Delay, or give the answer of a fault that leaves the venue unasked."""
    for fault, luck in struck:
        if isinstance(fault, Latency):
            await asyncio.sleep(fault.drawn(luck))
        elif isinstance(fault, Connection) and fault.action == "hang":
            await _until_disconnect(http)
            return Response()
        elif isinstance(fault, Connection):
            line_of(http.scope).reset()
            return Response()
        elif isinstance(fault, Status):
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return _response(wire.refusal(fault.status, now_ms), wait)
    return None


async def _until_disconnect(http: HttpRequest) -> None:
    """Wait for the client to give up, or for the server to stop."""
    try:
        while (await http.receive())["type"] != "http.disconnect":
            continue
    except asyncio.CancelledError:
        # The server cancels what is still open when it stops; an answer must not slip out then.
        line_of(http.scope).transport.abort()


def _spoilt(reply: Reply, struck: Struck) -> Reply:
    for fault, _ in struck:
        if isinstance(fault, Body | FieldFault | Rows):
            content_type = "text/html" if getattr(fault, "action", "") == "html" else None
            body = spoil(reply.body, fault)
            reply = Reply(body, reply.status, reply.rows, content_type or reply.content_type)
    return reply
