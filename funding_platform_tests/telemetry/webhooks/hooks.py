"""A webhook, a message, and names that lead where a test wants them to."""

import asyncio
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.webhooks.registry import Webhook
from funding_platform_tests.telemetry.receiver import SECRET

AT = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def hook_to(url: str, **stated: Any) -> Webhook:
    given = {"form": "json", "events": ("opportunity",), "secret": SECRET, "chat_id": None}
    return Webhook(
        id="0123456789abcdef",
        owner="0badcafe",
        url=url,
        filters={},
        bounds={},
        created_at=AT,
        **{**given, **stated},
    )


def message(**stated: Any) -> Message:
    given = {
        "kind": "opportunity",
        "subject": "BTC",
        "severity": "info",
        "title": "BTC pays well across venues",
        "text": "long a <b>, short c & d: 60.0 % a year",
        "details": {"long_venue": "a", "net_apr": 0.6},
        "value": 0.6,
        "unit": "fraction per year",
        "threshold": 0.5,
        "since": AT,
        "id": "alert_1",
        "event": "raised",
        "at": AT,
    }
    return Message.model_validate({**given, **stated})


def naming(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names lead to addresses, one list of them after the other; return what was asked."""
    asked: list[str] = []

    async def told(self: object, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        kind = socket.SOCK_STREAM
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, kind, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", told)
    return asked
