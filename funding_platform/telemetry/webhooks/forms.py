"""What is sent: the message as JSON for programs, and as a few words for chats.

A chat reads what markup it knows into any text, so that what stands for markup is written as text.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.webhooks.events import TYPE_OF
from funding_platform.telemetry.webhooks.registry import Format, Webhook

TYPE_OF_TEST: Final = "test"

_MARKS: Final[Mapping[str, str]] = {"critical": "🔴", "warning": "🟠", "info": "🔵"}
_OVER: Final = "✅"

DISCORD_LENGTH: Final = 2_000
TELEGRAM_LENGTH: Final = 4_096
SLACK_LENGTH: Final = 4_000
"""Longest text that each takes, in characters."""


def identity(hook: Webhook, message: Message) -> str:
    """Return the id that a message has for one webhook: no other webhook's message has it."""
    return f"{message.id}_{hook.id}"


def body_of(hook: Webhook, message: Message) -> bytes:
    """Write what is posted."""
    return json.dumps(_FORMS[hook.form](hook, message), ensure_ascii=False).encode()


def payload_of(hook: Webhook, message: Message) -> dict[str, Any]:
    """Return the message for programs, as ``docs/webhooks.md`` has it."""
    told = message.model_dump(mode="json")
    return {
        "type": TYPE_OF.get(message.kind, TYPE_OF_TEST),
        "webhook": hook.id,
        **told,
        "id": identity(hook, message),
    }


def words_of(message: Message) -> str:
    """Say a message in three lines."""
    over = message.event == "resolved"
    mark = _OVER if over else _MARKS[message.severity]
    lost = f"\n{message.lost_before} messages before it were dropped" if message.lost_before else ""
    return (
        f"{mark} {'Over: ' if over else ''}{message.title}\n{message.text}\n"
        f"since {message.since:%Y-%m-%d %H:%M} UTC{lost}"
    )


def _slack(hook: Webhook, message: Message) -> dict[str, Any]:
    text = words_of(message).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text[:SLACK_LENGTH], "mrkdwn": False, "unfurl_links": False}


def _discord(hook: Webhook, message: Message) -> dict[str, Any]:
    return {"content": words_of(message)[:DISCORD_LENGTH], "allowed_mentions": {"parse": []}}


def _telegram(hook: Webhook, message: Message) -> dict[str, Any]:
    text = words_of(message)[:TELEGRAM_LENGTH]
    return {"chat_id": hook.chat_id, "text": text, "link_preview_options": {"is_disabled": True}}


_FORMS: Final[Mapping[Format, Callable[[Webhook, Message], dict[str, Any]]]] = {
    "json": payload_of,
    "slack": _slack,
    "discord": _discord,
    "telegram": _telegram,
}
