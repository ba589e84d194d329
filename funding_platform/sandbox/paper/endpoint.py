"""The calls of accounts on paper over HTTP: ``/paper/<venue>/<call>``, with a token.

A request passes, in this order: statistics, connection faults and delays, the token, the call with
the faults of orders, the loss of its answer, and faults in the body.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeVar

from pydantic import BaseModel
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from funding_platform.core.trading import RejectReason
from funding_platform.core.validation_errors import raise_as
from funding_platform.paper.venue import HELD, Trick
from funding_platform.sandbox.errors import SandboxError
from funding_platform.sandbox.faults import FaultPlan, Order, of_orders
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.paper.desk import CALLS, ORDERS, Desk, Opening, Taking, refused
from funding_platform.sandbox.statistics import Statistics
from funding_platform.sandbox.struck import (
    early_fault,
    params_of,
    response,
    spoilt,
    until_disconnect,
)
from funding_platform.sandbox.transports import line_of
from funding_platform.sandbox.wire.contract import Reply
from funding_platform.sandbox.wire.registry import WIRES

PREFIX: Final = "/paper"
"""Stands before the call in the paths of faults and the names of statistics."""

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class PaperEndpoint:
    """The handlers."""

    market: Market
    plan: FaultPlan
    statistics: Statistics
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(self.market)

    async def open(self, http: HttpRequest) -> Response:
        """Open an account and tell its token."""
        try:
            opening = _document(Opening, await http.body())
        except SandboxError as error:
            return response(refused(400, "bad_document", str(error)))
        return JSONResponse({"token": self.desk.open(opening)})

    async def take(self, http: HttpRequest) -> Response:
        """Liquidate or deleverage a position."""
        try:
            taking = _document(Taking, await http.body())
        except SandboxError as error:
            return response(refused(400, "bad_document", str(error)))
        if not self.desk.take(taking):
            return response(refused(404, "no_such_token", "nobody has that token"))
        return JSONResponse({})

    async def answer(self, http: HttpRequest) -> Response:
        """Answer one call of an account."""
        venue, path = http.path_params["venue"], f"/{http.path_params['path']}"
        call = CALLS.get((http.method, path))
        if venue not in WIRES or call is None:
            return response(
                refused(404, "no_such_call", f"no {http.method} {path} of {venue!r} here")
            )
        counter = self.statistics.counter(venue, PREFIX + path)
        counter.requests += 1
        struck = self.plan.strike(venue, PREFIX + path)
        orders = self._order_faults(venue) if path == ORDERS else []
        counter.faults += len(struck) + len(orders)
        params = await params_of(http)
        early = await early_fault(http, struck, _refusal)
        if early is not None:
            return early
        account = self.desk.account(_token(http), venue)
        if account is None:
            return response(refused(401, "no_such_token", "no token, or one that nobody has"))
        reply = self.desk.answer(call, account, params, _declined(orders), _trick(orders))
        lost = await _lose(http, orders)
        return lost or response(spoilt(reply, struck))

    def _order_faults(self, venue: str) -> list[Order]:
        struck = self.plan.strike(venue, PREFIX + ORDERS, of_orders)
        return [fault for fault, _ in struck if isinstance(fault, Order)]


async def _lose(http: HttpRequest, faults: Iterable[Order]) -> Response | None:
    """Lose the answer to an order that has had its effect."""
    for fault in faults:
        if fault.action == "unanswered":
            await until_disconnect(http)
            return Response()
        if fault.action == "cut":
            line_of(http.scope).reset()
            return Response()
        if fault.action == "unavailable":
            return response(_refusal(503))
    return None


def _declined(faults: Iterable[Order]) -> RejectReason | None:
    return next((fault.reason for fault in faults if fault.action == "reject"), None)


def _trick(faults: Iterable[Order]) -> Trick | None:
    """Return what the venue does to an order; the first fault that says so counts."""
    for fault in faults:
        match fault.action:
            case "hold":
                return HELD
            case "partial":
                return Trick(share=Decimal(str(fault.share)))
            case "duplicate_fill":
                return Trick(doubled=True)
            case "late_fill":
                return Trick(late_seconds=fault.seconds)
    return None


def _token(http: HttpRequest) -> str:
    return http.headers.get("authorization", "").removeprefix("Bearer ")


def _refusal(status: int) -> Reply:
    return refused(status, "unavailable", "not available")


def _document(model: type[M], body: bytes) -> M:
    with raise_as(SandboxError, f"not as it has to be: {model.__name__}"):
        return model.model_validate_json(body or b"{}")
