"""Webhooks: made, listed, deleted, and what became of their messages."""

import asyncio
import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Body, Path, Query, Request
from pydantic import Field, SecretStr
from starlette.responses import Response

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.service.access.callers import Caller, caller_of, require_key
from funding_platform.service.documented import problems
from funding_platform.service.formats import JSON
from funding_platform.service.parameters import Asked, Name
from funding_platform.service.problems import ProblemError, wrong_field
from funding_platform.service.routes.common import desk_of
from funding_platform.service.webhooks.declared import (
    DELIVERY_SCHEMA,
    HOOK_SCHEMA,
    REDELIVERED_SCHEMA,
    became,
    list_of,
    shown,
    standing,
)
from funding_platform.service.webhooks.post import redeliver as again
from funding_platform.service.webhooks.post import state_file
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.signing import new_secret
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform.telemetry.webhooks.addresses import resolved
from funding_platform.telemetry.webhooks.errors import TargetError, UnknownWebhookError
from funding_platform.telemetry.webhooks.events import BOUNDED, EventType
from funding_platform.telemetry.webhooks.registry import (
    Format,
    Webhook,
    add_webhook,
    delete_webhook,
    find_webhook,
    read_webhooks,
)

router = APIRouter(tags=["webhooks"])

_EXAMPLE: Final = {
    "url": "https://example.org/funding",
    "events": ["opportunity", "venue_down"],
    "filters": {"bases": ["BTC", "ETH"], "min_net_apr": 0.2, "tiers": ["actionable"]},
}
_REFUSED: Final = {
    400: "The body is no JSON.",
    403: "The webhook is another key's.",
    404: "There is no such webhook.",
    409: "There are as many webhooks already as are kept.",
    413: "The body is too large.",
}

HookId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Of a webhook.")]


class WebhookBody(Asked):
    """What is wanted, and where."""

    url: SecretStr = Field(
        max_length=2_048,
        description="Where to, https; kept, and never shown again, for it may hold a token.",
    )
    events: tuple[EventType, ...] = Field(min_length=1, description="Types of event.")
    format: Format = Field(
        default="json", description="json, signed; or words for a chat, as its webhooks take them."
    )
    filters: OpportunityFilter = Field(
        default=OpportunityFilter(),
        description="Of opportunities, as for /opportunities; of other events its venues, "
        "exclude_venues, bases and symbols count.",
    )
    bounds: dict[EventType, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="funding_rate_change in basis points per 8 hours (5), curve_z_score in "
        "standard deviations (2), stale_data in times the age that is tolerated (1): where an "
        "event begins; it ends somewhat below.",
    )
    chat_id: str | None = Field(
        default=None, max_length=64, description="Of telegram: the chat that is written to."
    )


class DeliveriesAsked(Asked):
    """Which messages."""

    state: Literal["waiting", "delivered", "dead"] | None = Field(
        default=None, description="dead: given up after a day of refusals."
    )


class RedeliverAsked(Asked):
    """Which of the messages that were given up."""

    id: Name | None = Field(
        default=None, description="One delivery; all that are dead if left out."
    )


def _told(schema: dict[str, Any], text: str, status: int = 200) -> dict[str, Any]:
    return {
        "response_class": Response,
        "responses": {
            status: {"description": text, "content": {JSON: {"schema": schema}}},
            **problems(406, also=_REFUSED),
        },
    }


@router.post(
    "/webhooks",
    summary="Make a webhook",
    status_code=201,
    **_told(HOOK_SCHEMA, "The webhook, with its secret.", 201),
)
async def make(
    request: Request, asked: Annotated[WebhookBody, Body(examples=[_EXAMPLE])]
) -> Response:
    """Have what begins and ends told to an address, for as long as the key counts."""
    key = require_key(caller_of(request.scope))
    settings, url = desk_of(request).settings, asked.url.get_secret_value()
    _require_meant(asked)
    try:
        await resolved(url, private=settings.service_webhook_private)
    except TargetError as error:
        raise wrong_field(
            "url", error.message.removeprefix("url: "), hint=error.hint or "see docs/webhooks.md"
        ) from None
    signed = asked.format == "json"
    hook = Webhook(
        id=secrets.token_hex(8),
        owner=key.id,
        url=url,
        form=asked.format,
        events=asked.events,
        filters=asked.filters.model_dump(mode="json", exclude_unset=True),
        bounds=dict(asked.bounds),
        secret=new_secret() if signed else None,
        chat_id=asked.chat_id,
        created_at=datetime.now(UTC),
    )
    await asyncio.to_thread(add_webhook, settings.service_webhooks_file, hook)
    request.app.state.webhooks.wake()
    more = {} if hook.secret is None else {"secret": hook.secret}
    return _answer(shown(hook) | more, HTTPStatus.CREATED)


@router.get("/webhooks", summary="Webhooks", **_told(list_of(HOOK_SCHEMA), "The webhooks."))
async def listed(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """List the key's own webhooks; an admin key has those of all."""
    caller, settings = caller_of(request.scope), desk_of(request).settings
    key = require_key(caller)
    hooks = await asyncio.to_thread(read_webhooks, settings.service_webhooks_file)
    own = [hook for hook in hooks if key.scope == "admin" or hook.owner == key.id]

    def told() -> list[dict[str, Any]]:
        return [shown(hook) | standing(state_file(settings, hook.id), hook) for hook in own]

    return _answer({"data": await asyncio.to_thread(told)})


@router.get(
    "/webhooks/{webhook}", summary="A webhook", **_told(HOOK_SCHEMA, "The webhook as it stands.")
)
async def one(request: Request, webhook: HookId, asked: Annotated[Asked, Query()]) -> Response:
    """Tell of one webhook."""
    settings = desk_of(request).settings
    hook = await _own(settings, caller_of(request.scope), webhook)
    stands = await asyncio.to_thread(standing, state_file(settings, hook.id), hook)
    return _answer(shown(hook) | stands)


@router.delete(
    "/webhooks/{webhook}",
    summary="Delete a webhook",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is no more."}, **problems(406, also=_REFUSED)},
)
async def delete(request: Request, webhook: HookId, asked: Annotated[Asked, Query()]) -> Response:
    """Tell nothing more there; what waits is forgotten."""
    settings = desk_of(request).settings
    hook = await _own(settings, caller_of(request.scope), webhook)
    await asyncio.to_thread(delete_webhook, settings.service_webhooks_file, hook.id)
    request.app.state.webhooks.wake()
    return Response(status_code=int(HTTPStatus.NO_CONTENT))


@router.get(
    "/webhooks/{webhook}/deliveries",
    summary="What became of its messages",
    **_told(
        list_of(DELIVERY_SCHEMA),
        "The newest first: those that wait, and the last 200 of "
        "those that arrived, and of those that were given up.",
    ),
)
async def deliveries(
    request: Request, webhook: HookId, asked: Annotated[DeliveriesAsked, Query()]
) -> Response:
    """List messages that wait, that arrived, and that were given up."""
    settings = desk_of(request).settings
    hook = await _own(settings, caller_of(request.scope), webhook)

    def told() -> list[dict[str, Any]]:
        with AlertStore(state_file(settings, hook.id)) as store:
            found = store.deliveries(hook.id)
        wanted = [each for each in found if asked.state in (None, each.state)]
        return [became(hook, each) for each in wanted]

    return _answer({"data": await asyncio.to_thread(told)})


@router.post(
    "/webhooks/{webhook}/redeliver",
    summary="Try again what was given up",
    **_told(REDELIVERED_SCHEMA, "How many messages wait again."),
)
async def redeliver(
    request: Request, webhook: HookId, asked: Annotated[RedeliverAsked, Query()]
) -> Response:
    """Have messages that were given up wait again, in their order; refused once more, they end."""
    settings = desk_of(request).settings
    hook = await _own(settings, caller_of(request.scope), webhook)

    number = await asyncio.to_thread(again, settings, hook, asked.id)
    request.app.state.webhooks.wake()
    return _answer({"redelivered": number})


def _require_meant(asked: WebhookBody) -> None:
    """Refuse what contradicts itself."""
    for event in asked.bounds:
        if event not in BOUNDED:
            raise wrong_field(
                "bounds",
                f"{event} has none of its own",
                hint="that of opportunities is filters.min_net_apr; other events have those of "
                "the alerts",
            )
    if (asked.format == "telegram") != (asked.chat_id is not None):
        raise wrong_field("chat_id", "telegram needs one, and no other format takes one")


async def _own(settings: Settings, caller: Caller, hook_id: str) -> Webhook:
    """Return a webhook of the caller's.

    Raises
    ------
    ProblemError
        401 without a key, 404 if there is none, 403 if it is another's.
    """
    key = require_key(caller)
    try:
        found = await asyncio.to_thread(find_webhook, settings.service_webhooks_file, hook_id)
    except UnknownWebhookError:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            f"webhook: there is no {hook_id}",
            hint="GET /api/v1/webhooks lists those that are",
        ) from None
    if key.scope != "admin" and found.owner != key.id:
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"webhook: {hook_id} is of another key",
            hint="ask with the key that made it, or with an admin key",
        )
    return found


def _answer(told: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(
        msgspec.json.encode(told),
        status_code=int(status),
        media_type=JSON,
        headers={"Cache-Control": "no-store"},
    )
