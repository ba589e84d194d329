"""What is answered about webhooks, as JSON Schema."""

from typing import Any, Final

_TIME: Final = {"type": "string", "format": "date-time"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_TIME_OR_NULL: Final = {"type": ["string", "null"], "format": "date-time"}

HOOK_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "owner", "target", "format", "events", "filters", "bounds", "created_at"],
    "properties": {
        "id": {"type": "string"},
        "owner": {"type": "string", "description": "Id of the key that it was made with."},
        "target": {
            "type": "string",
            "description": "Scheme, host and port; the path may hold a token, and is not shown.",
        },
        "format": {"type": "string", "enum": ["json", "slack", "discord", "telegram"]},
        "events": {"type": "array", "items": {"type": "string"}},
        "filters": {"type": "object", "description": "As stated."},
        "bounds": {"type": "object", "additionalProperties": {"type": "number"}},
        "created_at": _TIME,
        "waiting": {"type": "integer", "description": "Messages that wait."},
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
        "type": {"type": "string"},
        "event": {"type": "string", "enum": ["raised", "resolved"]},
        "kind": {"type": "string"},
        "subject": {"type": "string"},
        "at": {**_TIME, "description": "When it began or ended."},
        "state": {"type": "string", "enum": ["waiting", "delivered", "dead"]},
        "tries": {"type": "integer"},
        "error": {**_TEXT_OR_NULL, "description": "What the last refusal was."},
        "ended_at": {**_TIME_OR_NULL, "description": "When it arrived or was given up."},
    },
}


def list_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Declare an answer with a list of such things."""
    return {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": schema}},
    }
