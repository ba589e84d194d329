"""What arrives where, signed; and that no secret is in anything that is said of it."""

import base64
import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from funding_platform.telemetry.alerts.errors import SinkConfigError, SinkError
from funding_platform.telemetry.alerts.observing import (
    Message,
    Observation,
    follow,
    trial_message,
)
from funding_platform.telemetry.alerts.rules import VENUE_DOWN
from funding_platform.telemetry.alerts.signing import key_of, signed_headers
from funding_platform.telemetry.alerts.sinks import AppriseSink, LogSink, Sink, WebhookSink
from funding_platform_tests.telemetry.receiver import SECRET, running_receiver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CANARY = "canary-of-a-token"


@pytest.fixture
def message() -> Message:
    _, raised = follow(VENUE_DOWN, None, Observation("okx", 3.0, "it is down", {"n": 3}), NOW)
    assert raised is not None
    return raised


def test_a_webhook_gets_what_was_told_signed(message: Message) -> None:
    with running_receiver() as receiver:
        WebhookSink(receiver.url, SECRET).send(message)
        (post,) = receiver.posts
    assert Message.model_validate_json(json.dumps(post)) == message
    assert post["since"] == "2026-03-01T12:00:00Z"
    assert post["details"] == {"n": 3}


def test_another_secret_is_refused(message: Message) -> None:
    other = "whsec_" + base64.b64encode(b"another-secret-of-some-length").decode()
    with running_receiver() as receiver:
        with pytest.raises(SinkError, match="answered with status 401"):
            WebhookSink(receiver.url, other).send(message)
        assert receiver.posts == []


def test_signatures_are_those_of_the_specification() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(key, "msg_1", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-id"] == "msg_1"
    assert headers["webhook-timestamp"] == "1614265330"
    version, _, signature = headers["webhook-signature"].partition(",")
    assert (version, len(base64.b64decode(signature))) == ("v1", 32)


@pytest.mark.parametrize("secret", ["", CANARY, "whsec_", "whsec_c2hvcnQ=", f"whsec_{CANARY}!"])
def test_a_secret_that_is_none_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(SinkConfigError, match="hint: make one") as refused:
        WebhookSink("https://example.org", secret)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("url", ["", CANARY, f"ftp://example.org/{CANARY}", f"https:///{CANARY}"])
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SinkConfigError) as refused:
        WebhookSink(url, SECRET)
    assert CANARY not in str(refused.value)


def test_a_log_line_has_the_level_of_its_severity(
    message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    LogSink().send(message)
    LogSink().send(message.model_copy(update={"event": "resolved", "lost_before": 2}))
    assert caplog.record_tuples == [
        (
            "funding_platform.telemetry.alerts.sinks",
            logging.ERROR,
            "critical: okx cannot be collected: it is down",
        ),
        (
            "funding_platform.telemetry.alerts.sinks",
            logging.INFO,
            "resolved: okx cannot be collected: it is down (2 messages before it were dropped)",
        ),
    ]


@pytest.fixture
def service() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """What apprise's own `json://` talks to: its address, and what came in."""
    posts: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"json://127.0.0.1:{server.server_address[1]}/{CANARY}", posts
        server.shutdown()


def test_a_chat_gets_a_title_and_a_text(
    message: Message, service: tuple[str, list[dict[str, Any]]]
) -> None:
    url, posts = service
    AppriseSink(url).send(message)
    AppriseSink(url).send(message.model_copy(update={"event": "resolved"}))
    first, second = posts
    assert first["title"] == "critical: okx cannot be collected: it is down"
    assert first["message"] == "it is down\nsince 2026-03-01 12:00 UTC"
    assert (first["type"], second["type"]) == ("failure", "success")
    assert second["title"].startswith("resolved: ")


def test_addresses_that_apprise_does_not_know_are_refused_without_being_repeated() -> None:
    with pytest.raises(SinkConfigError, match="apprise does not know") as refused:
        AppriseSink(f"no-such-service://{CANARY}")
    assert CANARY not in str(refused.value)


def test_known_services_are_told_apart() -> None:
    names = {AppriseSink(f"discord://{number}/{CANARY}").name for number in (1, 2)}
    assert len(names) == 2
    assert all(name.startswith("discord-") and CANARY not in name for name in names)


def test_no_secret_is_said_whatever_happens(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Everything that logs does so at its most talkative."""
    caplog.set_level(logging.DEBUG)
    with running_receiver() as receiver:  # whose address has a secret in its path
        WebhookSink(receiver.url, SECRET).send(trial_message(NOW))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"user:{CANARY}@127.0.0.1:{bound.getsockname()[1]}/{CANARY}?key={CANARY}"
        sinks: list[Sink] = [
            WebhookSink(f"http://{address}", SECRET),
            AppriseSink(f"json://{address}"),
        ]
        for sink in sinks:
            with pytest.raises(SinkError) as refused:
                sink.send(trial_message(NOW))
            assert "canary" not in f"{refused.value} {refused.value.__cause__}{sink.name}"
    said = caplog.text + "".join(capfd.readouterr())
    assert "canary" not in said
    assert SECRET not in said


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(SinkConfigError, match=r"pip install 'funding-platform\[alerts\]'"):
        AppriseSink("json://localhost")
