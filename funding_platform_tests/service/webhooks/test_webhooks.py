"""Webhooks through the service: who may have them, what arrives, and what survives a kill."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from funding_platform.service.access.keys import Rate, Scope, create_key, revoke_key
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, hand_out, process, served
from funding_platform_tests.service.webhooks.receiver import receiving
from funding_platform_tests.telemetry.receiver import verified
from funding_platform_tests.waiting import until

HOOKS = "/api/v1/webhooks"
LATER = timedelta(hours=6)
"""The board is of a time to come, so that it is fresh for as long as a test takes."""


def key_for(settings: Settings, scope: Scope = "read") -> str:
    rate = Rate(10_000, 1.0)
    return create_key(settings.service_keys_file, name="desk", scope=scope, rate=rate)[0]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def settings_in(folder: Path) -> Settings:
    return Settings(data_dir=folder, service_webhook_private=True)


def silence(settings: Settings, *, silent: bool) -> None:
    """Hand out a board on which the second venue has fallen silent, or is heard again."""
    hand_out(settings, 1e-4, at=datetime.now(UTC) + LATER, silent=silent)


def made(client: httpx.Client, url: str, **stated: Any) -> dict[str, Any]:
    answer = client.post(HOOKS, json={"url": url, "events": ["venue_down"], **stated})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@contextmanager
def asking(settings: Settings, key: str) -> Iterator[tuple[Served, httpx.Client]]:
    with served(settings) as running, running.client(headers=bearer(key)) as client:
        yield running, client


def test_what_begins_and_ends_is_told_once_and_signed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    silence(settings, silent=True)
    with receiving() as receiver, asking(settings, key_for(settings)) as (running, client):
        hook = made(client, receiver.url)
        until(lambda: receiver.posts, "the venue is said to be down")
        silence(settings, silent=False)
        until(lambda: len(receiver.posts) > 1, "the venue is said to be back")
        until(lambda: not _waiting(client, hook), "what arrived is noted")
        ended = client.get(f"{HOOKS}/{hook['id']}/deliveries").json()["data"]
        told = [running.get(path).text for path in ("/metrics", "/api/v1/openapi.json")]
        told += [client.get(path).text for path in (HOOKS, f"{HOOKS}/{hook['id']}")]
        declared = running.get("/api/v1/openapi.json").json()["paths"]
        for path in (HOOKS, f"{HOOKS}/{{webhook}}", f"{HOOKS}/{{webhook}}/deliveries"):
            found = client.get(path.format(webhook=hook["id"])).json()
            (content,) = declared[path]["get"]["responses"]["200"]["content"].values()
            assert not [*Draft202012Validator(content["schema"]).iter_errors(found)], path
    assert receiver.events == [("raised", "hyperliquid"), ("resolved", "hyperliquid")]
    assert len(receiver.posts) == 2
    for post in receiver.posts:
        assert verified(hook["secret"], post.headers, post.body)
        assert post.told["type"] == "venue_down"
        assert post.headers["webhook-id"] == post.told["id"]
    assert [(one["event"], one["state"], one["tries"]) for one in ended] == [
        ("resolved", "delivered", 1),
        ("raised", "delivered", 1),
    ]
    for text in (*told, caplog.text):
        assert hook["secret"] not in text
        assert "canary-of-the-path" not in text
    assert settings.service_webhooks_file.stat().st_mode & 0o077 == 0


def _waiting(client: httpx.Client, hook: dict[str, Any]) -> int:
    found: int = client.get(f"{HOOKS}/{hook['id']}").json()["waiting"]
    return found


def test_a_key_has_its_own_webhooks_and_an_admin_key_all(settings: Settings) -> None:
    key, other, admin = key_for(settings), key_for(settings), key_for(settings, "admin")
    with receiving() as receiver, asking(settings, key) as (running, client):
        assert running.get(HOOKS).status_code == 401
        nobody = running.client()
        assert nobody.post(HOOKS, json={"url": receiver.url, "events": []}).status_code in (
            401,
            422,
        )
        hook = made(client, receiver.url)
        for name, sees in ((key, 1), (other, 0), (admin, 1)):
            assert len(client.get(HOOKS, headers=bearer(name)).json()["data"]) == sees
        path = f"{HOOKS}/{hook['id']}"
        assert client.delete(path, headers=bearer(other)).status_code == 403
        assert client.get(f"{path}/deliveries", headers=bearer(other)).status_code == 403
        assert client.delete(path, headers=bearer(admin)).status_code == 204
        assert client.get(path).status_code == 404
        nobody.close()


def test_a_webhook_of_a_key_that_was_withdrawn_says_nothing_more(settings: Settings) -> None:
    silence(settings, silent=False)
    key, other = key_for(settings), key_for(settings)
    with receiving() as receiver, receiving() as witness, asking(settings, key) as (_, client):
        made(client, receiver.url)
        revoke_key(settings.service_keys_file, key.split("_")[1])
        until(lambda: client.get(HOOKS).status_code == 401, "the key counts no more")
        made_by_other = client.post(
            HOOKS, json={"url": witness.url, "events": ["venue_down"]}, headers=bearer(other)
        )
        assert made_by_other.status_code == 201
        silence(settings, silent=True)
        until(lambda: witness.posts, "the other webhook is told")
    assert receiver.posts == []


@pytest.mark.parametrize(
    ("stated", "field", "says"),
    [
        ({"url": "https://127.0.0.1/x"}, "url", "of this machine or its network"),
        ({"url": "http://example.org/x"}, "url", "is not https"),
        ({"events": []}, "events", "at least 1"),
        ({"events": ["no"]}, "events.0", "opportunity"),
        ({"filters": {"min_spread": 1}}, "filters", "min_spread"),
        ({"bounds": {"venue_down": 2.0}}, "bounds", "none of its own"),
        ({"format": "telegram"}, "chat_id", "needs one"),
        ({"secret": "own"}, "secret", "no such parameter"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(
    tmp_path: Path, stated: dict[str, Any], field: str, says: str
) -> None:
    settings = Settings(data_dir=tmp_path)
    body = {"url": "https://127.0.0.1/x", "events": ["venue_down"], **stated}
    with asking(settings, key_for(settings)) as (_, client):
        answer = client.post(HOOKS, json=body)
    assert answer.status_code == 422, answer.text
    assert says in answer.json()["detail"]
    assert "/x" not in answer.text
    if field != "filters":
        assert answer.json()["errors"][0]["field"] == field


def test_no_more_than_twenty_of_a_key(settings: Settings) -> None:
    with receiving() as receiver, asking(settings, key_for(settings)) as (_, client):
        for _number in range(20):
            made(client, receiver.url, events=["opportunity"])
        answer = client.post(HOOKS, json={"url": receiver.url, "events": ["opportunity"]})
    assert answer.status_code == 409
    assert "20" in answer.json()["detail"]


def test_opportunities_and_rates_go_by_filter_and_bound(own_lake: Settings) -> None:
    settings = own_lake.model_copy(update={"service_webhook_private": True})
    with receiving() as receiver, asking(settings, key_for(settings)) as (_, client):
        best = client.get("/api/v1/opportunities/best?limit=100").json()["data"]
        first, *_others = [row for row in best if row["net_apr"] is not None]
        rates = client.get("/api/v1/funding-rates").json()["data"]
        moved = {
            f"{row['venue_symbol']} on {row['venue']}"
            for row in rates
            if row["base"] == first["base"]
            and None not in (row["predicted_rate_8h"], row["settled_rate_8h"])
            and abs(row["predicted_rate_8h"] - row["settled_rate_8h"]) * 1e4 >= 0.5
        }
        made(
            client,
            receiver.url,
            events=["opportunity", "funding_rate_change"],
            filters={"bases": [first["base"]], "min_net_apr": first["net_apr"] - 1e-9},
            bounds={"funding_rate_change": 0.5},
        )
        until(lambda: len(receiver.posts) > len(moved), "all of them are told")
    told = [post.told for post in receiver.posts]
    assert {one["subject"] for one in told if one["type"] == "funding_rate_change"} == moved
    (pair,) = [one for one in told if one["type"] == "opportunity"]
    assert (pair["subject"], pair["value"]) == (first["asset"], first["net_apr"])
    assert receiver.most_at_once == 1, "one message at a time"


def test_what_is_refused_waits_and_is_told_of(settings: Settings) -> None:
    silence(settings, silent=True)
    with receiving() as receiver, asking(settings, key_for(settings)) as (_, client):
        receiver.status = 500
        hook = made(client, receiver.url)
        until(lambda: client.get(f"{HOOKS}/{hook['id']}").json()["failures"], "it was refused")
        (one,) = client.get(f"{HOOKS}/{hook['id']}/deliveries?state=waiting").json()["data"]
        assert client.get(f"{HOOKS}/{hook['id']}/deliveries?state=dead").json()["data"] == []
    assert (one["state"], one["tries"], one["subject"]) == ("waiting", 1, "hyperliquid")
    assert one["error"].endswith("answered with status 500")
    assert "canary" not in one["error"]


@pytest.mark.world
def test_a_kill_loses_nothing_and_tells_nothing_anew(settings: Settings) -> None:
    silence(settings, silent=True)
    key, allowed = key_for(settings), {"FUNDING_SERVICE_WEBHOOK_PRIVATE": "1"}
    with receiving() as receiver:
        receiver.answers.clear()
        with process(settings, environment=allowed) as running:
            with httpx.Client(base_url=running.url, timeout=60, headers=bearer(key)) as client:
                hook = made(client, receiver.url)
            until(lambda: receiver.posts, "a message is on its way")
            running.kill()  # taken by the receiver, not noted by the sender
        receiver.answers.set()
        with process(settings, environment=allowed) as running:
            until(lambda: len(receiver.posts) > 1, "it comes again")
            silence(settings, silent=False)
            until(lambda: len(receiver.events) > 1, "what ends is told")
            running.kill()
        with process(settings, environment=allowed) as running:
            with httpx.Client(base_url=running.url, timeout=60, headers=bearer(key)) as client:
                until(lambda: not _waiting(client, hook), "everything is noted")
            running.stop()
    assert receiver.events == [("raised", "hyperliquid"), ("resolved", "hyperliquid")]
    first, again = receiver.posts[:2]
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert len({post.told["since"] for post in receiver.posts}) == 1
    assert all(verified(hook["secret"], post.headers, post.body) for post in receiver.posts)
