"""What was given up is not lost: whoever has the webhook has it tried again, in its order."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from funding_platform.service.webhooks.post import state_file
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.observing import Evaluation, Observation
from funding_platform.telemetry.alerts.rules import STALE, STREAM_SILENT
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform_tests.command import explained, run
from funding_platform_tests.service.server import hand_out
from funding_platform_tests.service.webhooks.receiver import receiving
from funding_platform_tests.service.webhooks.test_webhooks import (
    HOOKS,
    asking,
    bearer,
    key_for,
    made,
    settings_in,
    silence,
)
from funding_platform_tests.telemetry.receiver import verified
from funding_platform_tests.waiting import until

AGO = timedelta(days=2)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FUNDING_SERVICE_WEBHOOK_PRIVATE", "1")
    return settings_in(tmp_path)


def give_up_two(settings: Settings, hook_id: str) -> None:
    """Leave behind what a receiver had refused for a day, two days ago: a beginning and an end."""
    at = datetime.now(UTC) - AGO
    with AlertStore(state_file(settings, hook_id)) as store:
        for value in (5.0, 0.0):
            seen = Evaluation(STREAM_SILENT.kind, [Observation("okx", value, "text")])
            store.observe([seen], [hook_id], at)
        for _ in range(2):
            found = store.next_for(hook_id, at)
            assert found is not None
            store.give_up(*found, "answered with status 500", at)


def refused_twice(settings: Settings, key: str, url: str) -> dict[str, Any]:
    """Return a webhook with two messages given up while nobody served, who would send them."""
    with asking(settings, key) as (_, client):
        hook = made(client, url)
    give_up_two(settings, hook["id"])
    return hook


def dead(client: httpx.Client, hook: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = client.get(f"{HOOKS}/{hook['id']}/deliveries?state=dead").json()[
        "data"
    ]
    return told


def test_what_was_given_up_is_sent_again_in_its_order(settings: Settings) -> None:
    silence(settings, silent=False)
    key, other = key_for(settings), key_for(settings)
    with receiving() as receiver, ExitStack() as stack:
        hook = refused_twice(settings, key, receiver.url)
        _, client = stack.enter_context(asking(settings, key))
        path = f"{HOOKS}/{hook['id']}"
        assert client.get(path).json()["dead"] == 2
        assert client.post(f"{path}/redeliver", headers=bearer(other)).status_code == 403
        assert client.post(f"{path}/redeliver?id=none").json() == {"redelivered": 0}
        last, first = dead(client, hook)
        assert (first["event"], last["event"]) == ("raised", "resolved")
        assert client.post(f"{path}/redeliver").json() == {"redelivered": 2}
        until(lambda: len(receiver.posts) == 2, "both arrive")
        until(lambda: client.get(path).json()["waiting"] == 0, "that is noted")
        assert client.get(path).json()["dead"] == 0
        assert client.post(f"{path}/redeliver").json() == {"redelivered": 0}
    assert [post.headers["webhook-id"] for post in receiver.posts] == [first["id"], last["id"]]
    assert all(verified(hook["secret"], post.headers, post.body) for post in receiver.posts)


def test_one_of_them_is_tried_once_more_and_given_up_again(settings: Settings) -> None:
    silence(settings, silent=False)
    key = key_for(settings)
    with receiving() as receiver, ExitStack() as stack:
        receiver.status = 500
        hook = refused_twice(settings, key, receiver.url)
        _, client = stack.enter_context(asking(settings, key))
        one = dead(client, hook)[0]
        told = client.post(f"{HOOKS}/{hook['id']}/redeliver", params={"id": one["id"]})
        assert told.json() == {"redelivered": 1}
        until(lambda: receiver.posts, "it is tried")
        until(lambda: len(dead(client, hook)) == 2, "it is given up")
    assert {post.headers["webhook-id"] for post in receiver.posts} == {one["id"]}


def test_the_command_does_so_too(settings: Settings) -> None:
    silence(settings, silent=False)
    key = key_for(settings)
    with receiving() as receiver, ExitStack() as stack:
        hook = refused_twice(settings, key, receiver.url)
        stack.enter_context(asking(settings, key))
        listed = run("webhooks", "list", "--format", "json").output
        assert hook["id"] in listed
        assert '"dead":2' in listed.replace(" ", "")
        assert hook["secret"] not in listed
        assert "canary-of-the-path" not in listed
        assert "2 messages wait again" in run("webhooks", "redeliver", hook["id"]).output
        until(lambda: len(receiver.posts) == 2, "a service that runs sends them")
    assert "no webhook '0'" in explained(run("webhooks", "redeliver", "0"))


def test_a_bound_moves_what_counts_as_stale(settings: Settings) -> None:
    """Of a collector that stopped two minutes ago: eight times what is tolerated."""
    silence(settings, silent=False)
    key = key_for(settings)
    with receiving() as patient, receiving() as usual, asking(settings, key) as (_, client):
        stopped = datetime.now(UTC) - timedelta(minutes=2)
        made(client, patient.url, events=["stale_data"], bounds={"stale_data": 1e6})
        made(client, usual.url, events=["stale_data"])
        hand_out(settings, 1e-4, at=stopped)
        until(lambda: usual.posts, "the collector has stopped")
    assert {post.told["kind"] for post in usual.posts} <= {"live_stopped", STALE.kind}
    assert patient.posts == []
