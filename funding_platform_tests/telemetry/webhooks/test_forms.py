"""What is posted: JSON for programs, words for chats, and nothing in a chat that acts as markup."""

import json
from typing import Any

import pytest

from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.webhooks.forms import DISCORD_LENGTH, body_of
from funding_platform_tests.telemetry.webhooks.hooks import AT, hook_to, message


def posted(form: str, told: Message, **stated: Any) -> dict[str, Any]:
    hook = hook_to("https://example.org/x", form=form, **stated)
    found: dict[str, Any] = json.loads(body_of(hook, told))
    return found


def test_programs_get_the_message_with_its_type_and_an_id_of_its_own() -> None:
    told = posted("json", message())
    assert told["type"] == "opportunity"
    assert told["webhook"] == "0123456789abcdef"
    assert told["id"] == "alert_1_0123456789abcdef"
    same = message().model_dump(mode="json", exclude={"id"})
    assert {name: told[name] for name in same} == same


@pytest.mark.parametrize(
    ("form", "field"), [("slack", "text"), ("telegram", "text"), ("discord", "content")]
)
def test_chats_get_words(form: str, field: str) -> None:
    text = posted(form, message(), chat_id="-7")[field]
    assert text.startswith("🔵 BTC pays well across venues\n")
    assert text.endswith(f"since {AT:%Y-%m-%d %H:%M} UTC")
    over = posted(form, message(event="resolved", lost_before=3), chat_id="-7")[field]
    assert over.startswith("✅ Over: ")
    assert over.endswith("3 messages before it were dropped")


def test_what_a_chat_would_read_as_markup_is_text() -> None:
    assert "a &lt;b&gt;, short c &amp; d" in posted("slack", message())["text"]
    everybody = message(text="@everyone " + "x" * DISCORD_LENGTH)
    told = posted("discord", everybody)
    assert told["allowed_mentions"] == {"parse": []}
    assert len(told["content"]) == DISCORD_LENGTH
    assert "parse_mode" not in posted("telegram", message(), chat_id="-7")
