"""``funding alerts``: what is listed, sent, tried out and ended."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from funding_platform.flows.alerting.rounds import run_observed
from funding_platform.settings import Settings
from funding_platform_tests.command import explained, run
from funding_platform_tests.telemetry.receiver import SECRET, Receiver, running_receiver

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver, which the environment names; a run has failed, and nothing has been sent."""
    with running_receiver() as running:
        monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("FUNDING_ALERT_WEBHOOK_URL", running.url)
        monkeypatch.setenv("FUNDING_ALERT_WEBHOOK_SECRET", SECRET)
        run_observed(Settings(), "transform", failed=True, text="dbt failed", now=NOW)
        yield running


def test_what_is_wrong_is_listed_and_what_waits_beside_it(receiver: Receiver) -> None:
    listed = run("alerts", "list", "--format", "json")
    (alert,) = json.loads(listed.stdout)
    assert (alert["kind"], alert["subject"], alert["text"]) == (
        "run_failed",
        "transform",
        "dbt failed",
    )
    assert "webhook: 1 messages wait" in listed.stderr
    receiver.status = 503
    assert run("alerts", "send").stdout == "1 messages sent\n", "that of the log"
    assert "webhook: 1 messages wait: 127.0.0.1 answered with" in run("alerts", "list").stderr


def test_what_waits_is_sent_and_a_check_without_a_lake_finds_nothing(receiver: Receiver) -> None:
    assert run("alerts", "check").stdout == "2 messages sent\n"
    assert receiver.events == [("raised", "transform")]
    assert run("alerts", "send").stdout == "0 messages sent\n"


def test_a_test_goes_to_every_sink_and_shows_which_refuses(receiver: Receiver) -> None:
    tried = run("alerts", "test")
    assert (tried.exit_code, tried.stdout) == (0, "ok  log\nok  webhook\n")
    assert receiver.events == [("test", "test")]
    receiver.status = 500
    tried = run("alerts", "test")
    assert tried.exit_code == 1
    assert "bad 127.0.0.1 answered with status 500" in tried.stdout
    assert "canary" not in tried.output


def test_an_alert_is_ended_by_hand(receiver: Receiver) -> None:
    assert "ended" in run("alerts", "end", "run_failed", "transform").stdout
    run("alerts", "send")
    assert receiver.events == [("raised", "transform"), ("resolved", "transform")]
    again = run("alerts", "end", "run_failed", "transform")
    assert "there is no active alert 'run_failed' about 'transform'" in explained(again)
