"""A webhook and a message, for tests."""

from datetime import UTC, datetime
from typing import Any

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
