"""Venues, what they list, and what trading there costs."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

import polars as pl
from fastapi import APIRouter, Body, Query, Request
from pydantic import Field
from starlette.responses import Response

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.fees import FEE_HISTORY, FEE_OVERRIDES
from funding_platform.flows.fees import NewFees, set_fees
from funding_platform.flows.queries import fees_at, listed_instruments, venue_facts
from funding_platform.flows.queries.venues import VENUE_FACTS
from funding_platform.service.access.callers import caller_of, require_admin
from funding_platform.service.documented import answers, problems
from funding_platform.service.formats import (
    JSON,
    Answer,
    answer_schema,
    encoded,
    envelope,
    row_schema,
)
from funding_platform.service.market import newest
from funding_platform.service.parameters import Asked, Instant, Name
from funding_platform.service.reader import Sources
from funding_platform.service.routes.common import VenueName, desk_of

router = APIRouter(tags=["venues"])


class ListedAsked(Asked):
    """Which instruments of a venue."""

    base: Name | None = Field(default=None, description="Canonical base.", examples=["BTC"])
    status: Literal["trading", "halted", "delisted", "unknown"] | None = Field(
        default=None, description="Listing status."
    )


class FeesAsked(Asked):
    """Which fees."""

    venue: Name | None = Field(default=None, description="One venue.", examples=["hyperliquid"])
    at: Instant | None = Field(
        default=None, description="That applied at this instant; now where left out."
    )


class NewFeesBody(Asked):
    """Fees to be set."""

    tier: str = Field(default="base", max_length=64, description="Tier; base is a new account's.")
    maker_bps: float = Field(description="Basis points of notional; negative is a rebate.")
    taker_bps: float = Field(description="Basis points of notional.")
    effective_from: Instant | None = Field(
        default=None, description="First instant at which they apply; now where left out."
    )
    note: str = Field(max_length=1_000, description="Why; it is kept.")
    min_volume_30d_usd: float | None = Field(
        default=None, description="30-day volume in USD from which the tier applies."
    )


_OVERRIDE = row_schema(FEE_OVERRIDES.columns)
_OF_BODIES = {
    400: "The body is no JSON.",
    403: "The key may only read.",
    413: "The body is too large.",
}
_EXAMPLE = {
    "tier": "base",
    "maker_bps": 1.5,
    "taker_bps": 4.5,
    "note": "the venue's announcement of November",
}


def _facts(names: Sequence[str]) -> Answer:
    return Answer(venue_facts(names), None)


async def _venues(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """List the venues that are collected, with what they offer."""
    desk = desk_of(request)
    return await desk.answer(request, lambda _: _facts(desk.venues))


async def _venue(request: Request, venue: VenueName, asked: Annotated[Asked, Query()]) -> Response:
    """Tell what is known of a venue."""
    one = partial(Answer, as_of=None, single=True)
    return await desk_of(request).answer(request, lambda _: one(venue_facts([venue])))


async def _symbols(
    request: Request, venue: VenueName, asked: Annotated[ListedAsked, Query()]
) -> Response:
    """List what a venue lists or has listed."""

    def listed(sources: Sources) -> Answer:
        found = listed_instruments(sources.lake, venue, base=asked.base, status=asked.status)
        return Answer(found, newest(found, "last_seen_at"))

    return await desk_of(request).answer(request, listed)


for _name in ("venues", "dexes"):
    _also = "" if _name == "venues" else ", by the name that some clients use"
    router.get(
        f"/{_name}",
        summary=f"Venues{_also}",
        operation_id=_name,
        **answers(VENUE_FACTS),
    )(_venues)
    router.get(
        f"/{_name}/{{venue}}",
        summary=f"A venue{_also}",
        operation_id=f"{_name}_one",
        **answers(VENUE_FACTS, single=True),
    )(_venue)
    router.get(
        f"/{_name}/{{venue}}/symbols",
        summary=f"What a venue lists{_also}",
        operation_id=f"{_name}_symbols",
        **answers(INSTRUMENTS.columns),
    )(_symbols)


@router.get("/fees", summary="Trading fees", **answers(FEE_HISTORY.columns))
async def fees(request: Request, asked: Annotated[FeesAsked, Query()]) -> Response:
    """List the fees that applied at an instant, by venue and tier."""
    desk = desk_of(request)

    def told(sources: Sources) -> Answer:
        at = asked.at or datetime.now(UTC)
        return Answer(fees_at(sources.lake, at, venue=asked.venue), at)

    return await desk.answer(request, told)


@router.put(
    "/admin/venues/{venue}/fees",
    tags=["admin"],
    summary="Set fees",
    response_class=Response,
    responses={
        200: {
            "description": "The override as it was recorded.",
            "content": {JSON: {"schema": answer_schema(_OVERRIDE, single=True)}},
        },
        **problems(406, also=_OF_BODIES),
    },
)
async def set_fees_of(
    request: Request,
    venue: VenueName,
    asked: Annotated[NewFeesBody, Body(examples=[_EXAMPLE])],
) -> Response:
    """Set the fees of a venue's tier: in force at once, with who set them and why."""
    caller = caller_of(request.scope)
    key = require_admin(caller)
    desk, now = desk_of(request), datetime.now(UTC)

    def recorded() -> pl.DataFrame:
        new = NewFees(
            venue=venue,
            tier=asked.tier,
            maker_bps=asked.maker_bps,
            taker_bps=asked.taker_bps,
            effective_from=asked.effective_from or now,
            note=asked.note,
            min_volume_30d_usd=asked.min_volume_30d_usd,
        )
        by, run_id = f"key {key.id} ({key.name})", f"service-{uuid.uuid4().hex[:12]}"
        return set_fees(desk.settings, new, recorded_by=by, run_id=run_id)

    row = await asyncio.to_thread(recorded)
    await desk.versions.refresh()
    answer = Answer(row, now, single=True)
    body = encoded(answer, JSON, envelope(answer, desk.versions.lake, now))
    return Response(body, media_type=JSON, headers={"Cache-Control": "no-store"})
