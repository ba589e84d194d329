"""Who may ask, how fast, and what may be changed."""

import json
import logging
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from click.testing import Result

from funding_platform.flows.queries import fee_overrides, open_lake
from funding_platform.service.access.buckets import Buckets
from funding_platform.service.access.keys import (
    Keyring,
    Rate,
    create_key,
    parse_rate,
    read_keys,
    revoke_key,
)
from funding_platform.settings import Settings
from funding_platform_tests.command import explained, run
from funding_platform_tests.service.server import process, served

API = "/api/v1"
FAST = Rate(1_000, 1.0)
FEES = {"maker_bps": 1.0, "taker_bps": 3.0, "note": "agreed"}


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FUNDING_LIVE", "0")
    return Settings()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def made(settings: Settings, scope: str = "read", rate: Rate = FAST) -> str:
    key, _ = create_key(
        settings.service_keys_file,
        name="desk",
        scope="admin" if scope == "admin" else "read",
        rate=rate,
    )
    return key


def test_a_key_is_shown_once_and_kept_as_a_digest(chosen: Settings) -> None:
    result = run("keys", "create", "desk", "--rate", "600/m")
    assert result.exit_code == 0, result.output
    key = result.stdout.strip()
    secret = key.split("_", 2)[2]
    file = chosen.service_keys_file
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert secret not in run("keys", "list", "--format", "json").output
    (kept,) = read_keys(file)
    assert (kept.name, kept.scope, str(kept.rate)) == ("desk", "read", "600/m")
    assert kept.has(secret)
    assert not kept.has(secret[:-1] + ("A" if secret[-1] != "A" else "B"))


def test_a_withdrawn_key_counts_no_more(chosen: Settings) -> None:
    key = made(chosen)
    ring = Keyring(chosen.service_keys_file)
    ring.refresh()
    assert ring.known(key) is None
    assert ring.check(key) is not None
    assert ring.known(key) is not None
    assert run("keys", "revoke", key.split("_")[1]).exit_code == 0
    ring.refresh()
    assert ring.known(key) is None
    assert ring.check(key) is None
    assert "no key '00000000'" in explained(run("keys", "revoke", "00000000"))
    assert len(read_keys(chosen.service_keys_file)) == 1


@pytest.mark.parametrize("text", ["10", "0/s", "10/d", "-1/s", "1e3/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        parse_rate(text)
    assert run("keys", "create", "desk", "--rate", text).exit_code == 2


def test_keys_that_cannot_be_read_let_nobody_in(chosen: Settings) -> None:
    key = made(chosen)
    chosen.service_keys_file.write_text("{")
    assert "cannot be read" in explained(run("keys", "list"))
    assert "cannot be read" in explained(run("serve", "--public"))
    ring = Keyring(chosen.service_keys_file)
    with pytest.raises(Exception, match="cannot be read"):
        ring.refresh()
    assert ring.check(key) is None


def test_it_does_not_serve_others_without_keys(chosen: Settings) -> None:
    def refusal(*words: str) -> Result:
        return run("serve", *words)

    assert "there is no key" in explained(refusal("--public"))
    assert "no key would be asked for" in explained(refusal("--host", "0.0.0.0"))
    revoke_key(chosen.service_keys_file, made(chosen).split("_")[1])
    assert "there is no key" in explained(refusal("--public"))


def test_in_public_everybody_needs_a_key(
    chosen: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    key = made(chosen)
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    caplog.set_level(logging.INFO, "funding_platform.service.access")
    with served(chosen, public=True) as service:
        assert service.get("/healthz").status_code == 200
        for headers in ({}, bearer("fp_00000000_" + "A" * 43), bearer(wrong), bearer("nothing")):
            response = service.get(f"{API}/venues", headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"].startswith("Bearer")
        told = service.get(f"{API}/venues", headers=bearer(key))
        assert told.status_code == 200
        assert "private" in told.headers["cache-control"]
        other = service.get(f"{API}/venues", headers={"X-API-Key": key, "Host": "any.example"})
        assert other.status_code == 200
        assert service.get("/metrics").status_code == 401
        revoke_key(chosen.service_keys_file, key.split("_")[1])
        for _ in range(600):
            if service.get(f"{API}/venues", headers=bearer(key)).status_code == 401:
                break
            time.sleep(0.05)
        else:
            pytest.fail("a key that was withdrawn still counts")
    assert key.split("_")[1] in caplog.text
    assert key.split("_", 2)[2] not in caplog.text
    assert wrong not in caplog.text


def test_wrong_secrets_are_not_tried_for_long(chosen: Settings) -> None:
    key = made(chosen)
    others = [other for end in range(10, 18) if (other := f"{key[:-2]}{end}") != key]
    with served(chosen, public=True) as service:
        statuses = [
            service.get(f"{API}/venues", headers=bearer(other)).status_code for other in others[:7]
        ]
    assert statuses == [401] * 5 + [429] * 2


def test_a_key_asks_no_faster_than_it_may(chosen: Settings) -> None:
    key = made(chosen, rate=Rate(3, 3600.0))
    with served(chosen, public=True) as service:
        answers = [service.get(f"{API}/venues", headers=bearer(key)) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["ratelimit-remaining"] for one in answers] == ["2", "1", "0", "0"]
    assert {one.headers["ratelimit-limit"] for one in answers} == {"3"}
    assert 1_100 < int(answers[-1].headers["retry-after"]) <= 1_200


def test_a_bucket_fills_as_time_goes_by() -> None:
    now = 0.0
    buckets = Buckets(lambda: now)
    rate = Rate(2, 1.0)
    assert [buckets.take("a", rate).allowed for _ in range(3)] == [True, True, False]
    assert buckets.take("b", rate).allowed
    now = 0.5
    assert [buckets.take("a", rate).allowed for _ in range(2)] == [True, False]
    now = 60.0
    assert buckets.take("a", rate).remaining == 1


def test_fees_are_set_by_an_admin_and_in_force_at_once(own_lake: Settings) -> None:
    reader, admin = made(own_lake), made(own_lake, "admin")
    path = f"{API}/admin/venues/okx/fees"
    with served(own_lake) as service, service.client() as client:
        assert client.put(path, json=FEES).status_code == 401
        assert client.put(path, json=FEES, headers=bearer(reader)).status_code == 403
        before = client.get(f"{API}/fees", params={"venue": "okx"})
        told = client.put(path, json=FEES, headers=bearer(admin))
        assert told.status_code == 200, told.text
        assert told.json()["data"]["recorded_by"] == f"key {admin.split('_')[1]} (desk)"
        after = client.get(f"{API}/fees", params={"venue": "okx"}).json()
        assert [row["taker_bps"] for row in before.json()["data"]] == [5.0]
        assert [row["taker_bps"] for row in after["data"]] == [3.0]
        assert after["snapshot"] > before.json()["snapshot"]
        for wrong, field in (
            ({**FEES, "taker_bps": 3_000}, None),
            ({**FEES, "tier": "desk"}, None),
            ({**FEES, "tkaer_bps": 3}, "tkaer_bps"),
            ({"maker_bps": 1}, "taker_bps"),
        ):
            refused = client.put(path, json=wrong, headers=bearer(admin))
            assert refused.status_code == 422, refused.text
            if field:
                assert refused.json()["errors"][0]["field"] == field
        gone = client.put(f"{API}/admin/venues/nowhere/fees", json=FEES, headers=bearer(admin))
        assert gone.status_code == 404
    with open_lake(own_lake) as lake:
        (row,) = fee_overrides(lake).iter_rows(named=True)
    assert (row["note"], row["taker_bps"], row["venue"]) == ("agreed", 3.0, "okx")


@pytest.mark.world
def test_asked_to_end_it_answers_what_is_under_way_and_leaves_nothing(chosen: Settings) -> None:
    """A body that is not whole yet is under way: it is sent to the end, and answered."""
    admin, hosts = made(chosen, "admin"), b"Host: 127.0.0.1\r\n"
    body = json.dumps(FEES).encode()
    head = (
        b"PUT /api/v1/admin/venues/nowhere/fees HTTP/1.1\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    )
    with process(chosen) as running:
        host, port = running.url.removeprefix("http://").split(":")
        with (
            socket.create_connection((host, int(port))) as asking,
            socket.create_connection((host, int(port))) as following,
            httpx.Client(base_url=running.url, timeout=60) as client,
        ):
            following.sendall(b"GET /api/v1/stream?channels=events HTTP/1.1\r\n" + hosts + b"\r\n")
            assert b"200 OK" in following.recv(65_536)
            asking.sendall(head + hosts + f"Authorization: Bearer {admin}\r\n\r\n".encode())
            assert client.get(f"{API}/venues").status_code == 200
            running.running.send_signal(signal.SIGTERM)
            told = b""
            while b"the service ends" not in told:
                told += following.recv(65_536)
            asking.sendall(body)
            assert b"404 Not Found" in asking.recv(65_536)
        logged = running.stop()
    for word in ("destroyed", "never awaited", "Traceback", "Exception"):
        assert word not in logged, logged
