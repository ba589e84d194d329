"""``docs/alerts.md``: its table is that of the rules, its example parses, its snippet verifies."""

import re
from typing import Any

from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.alerts.rules import RULES
from funding_platform.telemetry.alerts.signing import key_of, signed_headers
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.docs.markdown import blocks
from funding_platform_tests.telemetry.receiver import SECRET

PAGE = ROOT / "docs" / "alerts.md"


def test_the_rules_are_documented_with_their_bounds() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (critical|warning|info) \| .*? \| (\S+) \| (\S+) \| .*\|$",
        PAGE.read_text(encoding="utf-8"),
        re.M,
    )
    assert rows == [
        (rule.kind, rule.severity, f"{rule.raise_at:g}", f"{rule.resolve_at:g}")
        for rule in RULES.values()
    ]


def test_the_example_is_a_message_and_every_field_is_explained() -> None:
    (example,) = blocks(PAGE, "json")
    message = Message.model_validate_json(example.text)
    assert set(message.model_dump()) == set(Message.model_fields)
    explained = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^|]* \| [^|]* \|$", PAGE.read_text(), re.M)
    assert set(re.findall(r"\w+", " ".join(explained))) == set(Message.model_fields)


def test_the_snippet_tells_what_is_genuine() -> None:
    (snippet,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(snippet.text, names)
    is_genuine = names["is_genuine"]
    body = b'{"id": "alert_1"}'
    headers = signed_headers(key_of(SECRET), "alert_1", 1_000_000, body)
    assert is_genuine(SECRET, headers, body, 1_000_100)
    assert is_genuine(
        SECRET,
        headers | {"webhook-signature": f"v1,other {headers['webhook-signature']}"},
        body,
        1e6,
    )
    assert not is_genuine(SECRET, headers, body, 1_000_301), "too old: somebody sends it again"
    assert not is_genuine(SECRET, headers, body + b" ", 1_000_000)
    assert not is_genuine(SECRET, headers | {"webhook-id": "alert_2"}, body, 1_000_000)
    assert not is_genuine("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", headers, body, 1_000_000)
