"""What a trader holds and earned, and what it costs to trade: read, never commanded.

Commands stay with the trader, whose control server has a token of its own.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.execution import EVENTS, PERFORMANCE, POSITIONS
from funding_platform.flows.queries import (
    newest_depth,
    performance,
    positions,
    trading_events,
)
from funding_platform.service.documented import answers
from funding_platform.service.formats import Answer
from funding_platform.service.market import newest
from funding_platform.service.parameters import Asked, Name, Paged, cursor_of
from funding_platform.service.reader import Sources
from funding_platform.service.routes.common import SymbolName, VenueName, desk_of

router = APIRouter(tags=["trading"])


class PositionsAsked(Asked):
    """Which pairs."""

    open: bool = Field(default=False, description="Those that are held, or on their way.")
    limit: int = Field(default=1_000, ge=1, le=10_000, description="Rows at most.")


class EventsAsked(Asked):
    """Which events."""

    pair_id: Name | None = Field(default=None, description="Of one pair.")
    before: int | None = Field(
        default=None, ge=0, le=2**63 - 1, description="event_id of the last row of the page before."
    )
    limit: int = Field(default=100, ge=1, le=10_000, description="Rows at most.")


@router.get(
    "/execution/positions",
    summary="Pairs of the trader",
    **answers(POSITIONS.columns, "The last that was decided on first, as mirrored into the lake."),
)
async def pairs(request: Request, asked: Annotated[PositionsAsked, Query()]) -> Response:
    """List the pairs that a trader opened, holds or closed, with what each earned."""

    def told(sources: Sources) -> Answer:
        found = positions(sources.lake, open_only=asked.open, limit=asked.limit)
        return Answer(found, newest(found, "updated_at"))

    return await desk_of(request).answer(request, told)


@router.get(
    "/execution/performance",
    summary="What the trader was worth",
    **answers(PERFORMANCE.columns, "The oldest first."),
)
async def worth(request: Request, asked: Annotated[Paged, Query()]) -> Response:
    """Tell what a trader earned and was worth, look by look."""

    def told(sources: Sources) -> Answer:
        window, after = asked.window(sources.now), asked.after(datetime)
        last = after[0] if after else None
        found = performance(sources.lake, window.start, window.end, after=last, limit=asked.limit)
        more = cursor_of([found["taken_at"][-1]]) if found.height == asked.limit else None
        return Answer(found, newest(found, "taken_at"), next_cursor=more)

    return await desk_of(request).answer(request, told)


@router.get(
    "/execution/events",
    summary="What the trader did",
    **answers(EVENTS.columns, "The newest first."),
)
async def happened(request: Request, asked: Annotated[EventsAsked, Query()]) -> Response:
    """List what a trader decided and did, and who asked it to."""

    def told(sources: Sources) -> Answer:
        found = trading_events(
            sources.lake, pair_id=asked.pair_id, before=asked.before, limit=asked.limit
        )
        return Answer(found, newest(found, "happened_at"))

    return await desk_of(request).answer(request, told)


@router.get(
    "/depth/{venue}/{symbol:path}",
    summary="Depth of a book",
    **answers(ORDER_BOOK_DEPTH.columns, "The last look at it.", single=True),
)
async def depth(
    request: Request, venue: VenueName, symbol: SymbolName, asked: Annotated[Asked, Query()]
) -> Response:
    """Tell what buying and selling at once cost when the book was looked at last, by size."""

    def told(sources: Sources) -> Answer:
        found = newest_depth(sources.lake, venue, symbol)
        return Answer(found, newest(found, "observed_at"), single=True)

    return await desk_of(request).answer(request, told)
