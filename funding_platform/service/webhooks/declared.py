"""What is answered about webhooks: as JSON Schema, and of each as it stands."""

from pathlib import Path
from typing import Any, Final

from funding_platform.telemetry.alerts.queues import Delivery, Waiting
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform.telemetry.webhooks.events import TYPE_OF
from funding_platform.telemetry.webhooks.forms import identity
from funding_platform.telemetry.webhooks.registry import Webhook

_TIME: Final = {"type": "string", "format": "date-time"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_TIME_OR_NULL: Final = {"type": ["string", "null"], "format": "date-time"}

HOOK_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "owner", "target", "format", "events", "filters", "bounds", "created_at"],
    "properties": {
        "id": {"type": "string", "description": "Its name in addresses."},
        "owner": {"type": "string", "description": "Id of the key that it was made with."},
        "target": {
            "type": "string",
            "description": "Scheme, host and port; the path may hold a token, and is not shown.",
        },
        "format": {
            "type": "string",
            "enum": ["json", "slack", "discord", "telegram"],
            "description": "In which messages go out.",
        },
        "events": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Types of event.",
        },
        "filters": {"type": "object", "description": "As stated."},
        "bounds": {
            "type": "object",
            "additionalProperties": {"type": "number"},
            "description": "As stated.",
        },
        "created_at": {**_TIME, "description": "When it was made."},
        "waiting": {"type": "integer", "description": "Messages that wait."},
        "dead": {"type": "integer", "description": "Those that were given up, the last 200."},
        "failures": {"type": "integer", "description": "Refusals in a row."},
        "last_error": {**_TEXT_OR_NULL, "description": "What the last refusal was."},
        "due_at": {**_TIME_OR_NULL, "description": "When it is tried again."},
        "secret": {
            "type": "string",
            "description": "What messages are signed with; shown here, and never again.",
        },
    },
}
DELIVERY_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "type", "event", "kind", "subject", "at", "state", "tries"],
    "properties": {
        "id": {"type": "string", "description": "The header webhook-id."},
        "type": {"type": "string", "description": "Type of event."},
        "event": {
            "type": "string",
            "enum": ["raised", "resolved"],
            "description": "Whether it began or ended.",
        },
        "kind": {"type": "string", "description": "Kind of alert."},
        "subject": {"type": "string", "description": "What it is about."},
        "at": {**_TIME, "description": "When it began or ended."},
        "state": {
            "type": "string",
            "enum": ["waiting", "delivered", "dead"],
            "description": "dead: given up after a day of refusals.",
        },
        "tries": {"type": "integer", "description": "Of sending it."},
        "error": {**_TEXT_OR_NULL, "description": "What the last refusal was."},
        "ended_at": {**_TIME_OR_NULL, "description": "When it arrived or was given up."},
    },
}

REDELIVERED_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["redelivered"],
    "properties": {"redelivered": {"type": "integer", "description": "Messages that wait again."}},
}


def list_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Declare an answer with a list of such things."""
    return {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": schema}},
    }


def shown(hook: Webhook) -> dict[str, Any]:
    """Return what is told of a webhook: neither its address nor its secret."""
    return {
        "id": hook.id,
        "owner": hook.owner,
        "target": hook.target,
        "format": hook.form,
        "events": hook.events,
        "filters": hook.filters,
        "bounds": hook.bounds,
        "created_at": hook.created_at,
    }


def standing(file: Path, hook: Webhook) -> dict[str, Any]:
    """Return how a webhook stands, by the file of its messages."""
    with AlertStore(file) as store:
        waiting = store.waiting().get(hook.id, Waiting(0))
        dead = store.given_up(hook.id)
    return {
        "waiting": waiting.messages,
        "dead": dead,
        "failures": waiting.failures,
        "last_error": waiting.last_error,
        "due_at": waiting.due_at,
    }


def became(hook: Webhook, found: Delivery) -> dict[str, Any]:
    """Return what became of one message."""
    message = found.message
    return {
        "id": identity(hook, message),
        "type": TYPE_OF[message.kind],
        "event": message.event,
        "kind": message.kind,
        "subject": message.subject,
        "at": message.at,
        "state": found.state,
        "tries": found.tries,
        "error": found.error,
        "ended_at": found.ended_at,
    }
