"""``docs/webhooks.md``: its types are all, its example is sent, its snippet verifies."""

import json
import re
from typing import Any

from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.alerts.signing import key_of, signed_headers
from funding_platform.telemetry.webhooks.events import KINDS
from funding_platform.telemetry.webhooks.forms import identity, payload_of
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.docs.markdown import blocks
from funding_platform_tests.telemetry.receiver import SECRET
from funding_platform_tests.telemetry.webhooks.hooks import hook_to

PAGE = ROOT / "docs" / "webhooks.md"


def test_every_type_is_documented() -> None:
    named = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", PAGE.read_text(), re.M)
    assert named == [*KINDS]


def test_the_example_is_what_is_sent() -> None:
    (example,) = blocks(PAGE, "json")
    told = json.loads(example.text)
    stated = {name: value for name, value in told.items() if name in Message.model_fields}
    message = Message.model_validate(stated | {"id": told["id"].rpartition("_")[0]})
    hook = hook_to("https://example.org/x", events=("opportunity",))
    sent = payload_of(hook, message)
    assert sent | {"webhook": told["webhook"], "id": told["id"]} == told
    assert sent["id"] == identity(hook, message)


def test_the_snippet_tells_what_is_genuine() -> None:
    (snippet,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(snippet.text, names)
    is_genuine, body = names["is_genuine"], b'{"id": "a_1"}'
    headers = signed_headers(key_of(SECRET), "a_1", 1_000_000, body)
    assert is_genuine(SECRET, headers, body, 1_000_100)
    assert not is_genuine(SECRET, headers, body, 1_000_301), "too old: somebody sends it again"
    assert not is_genuine(SECRET, headers, body + b" ", 1_000_000)
    assert not is_genuine(SECRET, headers | {"webhook-id": "a_2"}, body, 1_000_000)
