"""The ASGI application: every venue below its own prefix, and ``/_control`` to steer the sandbox.

Trading on paper is below ``/paper``, in ``paper``.

A request passes, in this order: statistics, connection faults and delays, limits, the venue's
handler, and faults in the body. Sockets are in ``streams``.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute
from starlette.routing import WebSocketRoute

from funding_platform.sandbox.errors import SandboxError
from funding_platform.sandbox.faults import FAULTS, Fault, FaultPlan, parse_faults
from funding_platform.sandbox.limits import Limiter
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.paper.endpoint import PaperEndpoint
from funding_platform.sandbox.stage import Stage
from funding_platform.sandbox.statistics import Counter, Statistics
from funding_platform.sandbox.streams import Streams
from funding_platform.sandbox.struck import early_fault, params_of, response, spoilt
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Route,
    Wire,
    WireError,
)
from funding_platform.sandbox.wire.registry import WIRES


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
        path, sent = f"/{http.path_params['path']}", await params_of(http)
        route, in_path = wire.route(http.method, path, sent.get("type"))
        endpoint = route.endpoint if route else path
        # Paths that no route serves share one counter, so that strays cannot fill the memory.
        counter = self.statistics.counter(venue, route.endpoint if route else "(unknown)")
        counter.requests += 1
        struck = self.plan.strike(venue, endpoint)
        counter.faults += len(struck)
        early = await early_fault(
            http, struck, lambda status: wire.refusal(status, self.market.now_ms())
        )
        if early is not None:
            return early
        request = self._request(wire, {**sent, **in_path}, http.headers)
        reply, headers = self._reply(wire, route, request, _client(http), counter)
        return response(spoilt(reply, struck), headers)

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
    paper = PaperEndpoint(market, sandbox.plan, sandbox.statistics)
    stage = Stage(market, sandbox.plan, sandbox.statistics, enforce_limits, pace)
    return Starlette(
        routes=[
            HttpRoute(
                "/_control/faults", sandbox.control_faults, methods=["GET", "POST", "DELETE"]
            ),
            HttpRoute("/_control/stats", sandbox.control_stats),
            HttpRoute("/_control/paper/accounts", paper.open, methods=["POST"]),
            HttpRoute("/_control/paper/takings", paper.take, methods=["POST"]),
            HttpRoute("/paper/{venue}/{path:path}", paper.answer, methods=["GET", "POST"]),
            HttpRoute("/{venue}/{path:path}", sandbox.answer, methods=["GET", "POST"]),
            WebSocketRoute("/{venue}/{path:path}", Streams(stage).serve),
        ]
    )


def _client(http: HttpRequest) -> str:
    return http.client.host if http.client else ""


def _handled(wire: Wire, route: Route, request: Request) -> Reply:
    try:
        return route.handler(request)
    except WireError as error:
        return error.reply
    except ParameterError as error:
        return wire.bad_parameter(error.name, request.now_ms)
