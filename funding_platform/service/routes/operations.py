"""How the service and the platform are: for people, supervisors and monitoring systems."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from funding_platform.flows.queries import active_alerts
from funding_platform.flows.queries.upkeep.alerts import ALERTS
from funding_platform.service.documented import answers, tells
from funding_platform.service.formats import (
    JSON,
    Answer,
    answer_schema,
    encoded,
    envelope,
    row_schema,
)
from funding_platform.service.health import HEALTH, MORE, health_of, is_ready
from funding_platform.service.parameters import Asked
from funding_platform.service.reader import Sources
from funding_platform.service.routes.common import desk_of
from funding_platform.telemetry.metrics import Family, exposition

router = APIRouter(tags=["operations"])
at_root = APIRouter(include_in_schema=False)

_FIGURES: Final = {
    "type": "object",
    "description": "By name of the metric.",
    "additionalProperties": {
        "type": "object",
        "required": ["description", "series"],
        "properties": {
            "description": {"type": "string"},
            "series": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["labels", "value"],
                    "properties": {
                        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                        "value": {"type": "number"},
                    },
                },
            },
        },
    },
}
_NOT_KEPT: Final = {"Cache-Control": "no-store"}


@router.get("/health", summary="How the platform is", **answers(HEALTH, more=MORE))
async def health(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """Tell how every venue is, how old its data are, and all together in one word."""
    desk = desk_of(request)
    return await desk.answer(request, lambda sources: health_of(sources, desk.venues))


@router.get(
    "/alerts",
    summary="Active alerts",
    **tells(answer_schema(row_schema(ALERTS)), "The worst first, then the newest."),
)
async def alerts(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """List what is wrong now, by the alerts of this machine."""

    def told(sources: Sources) -> bytes:
        answer = Answer(active_alerts(sources.settings), sources.now)
        return encoded(answer, JSON, envelope(answer, None, sources.now))

    body = await desk_of(request).readers.ask(told)
    return Response(body, media_type=JSON, headers=_NOT_KEPT)


async def _figures(request: Request) -> list[Family]:
    """Ask for every figure: of the platform as of the service."""
    desk = desk_of(request)

    def told(sources: Sources) -> list[Family]:
        from funding_platform.flows.metrics import (
            families,
        )  # what it observes takes seconds to load

        return [*families(sources.settings, datetime.now(UTC))]

    return [*await desk.readers.ask(told), *request.app.state.figures()]


@router.get("/metrics", summary="Figures", **tells(_FIGURES, "Every figure, by name."))
async def metrics(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """Tell every figure that Prometheus is told, as JSON."""
    told: dict[str, dict[str, Any]] = {}
    for family in await _figures(request):
        description = family.declared.description
        for sample in family.metric().samples:  # a histogram is told as Prometheus has it
            one = told.setdefault(sample.name, {"description": description, "series": []})
            one["series"].append({"labels": sample.labels, "value": sample.value})
    return Response(msgspec.json.encode(told), media_type=JSON, headers=_NOT_KEPT)


@at_root.get("/metrics")
async def prometheus(request: Request) -> Response:
    """Tell every figure in Prometheus' text format."""
    figures = await _figures(request)

    def told() -> Iterator[Family]:
        return iter(figures)

    return Response(exposition(told), media_type="text/plain; version=0.0.4", headers=_NOT_KEPT)


@at_root.get("/healthz")
async def alive() -> Response:
    """Say that the process answers."""
    return Response("ok\n", media_type="text/plain", headers=_NOT_KEPT)


@at_root.get("/readyz")
async def ready(request: Request) -> Response:
    """Say whether the lake or the board can be read; 503 where neither can."""
    since = await desk_of(request).readers.ask(is_ready)
    text = "ready\n" if since else "neither the lake nor the live board can be read\n"
    status = 200 if since else 503
    return Response(text, status_code=status, media_type="text/plain", headers=_NOT_KEPT)
