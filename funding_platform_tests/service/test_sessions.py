"""The dashboard's session: begun by a key, known by a cookie, over with either; safe from pages."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from funding_platform.service.access.keys import KeyFileError, Rate, create_key, revoke_key
from funding_platform.service.access.sessions import COOKIE, LASTS_SECONDS, Sessions
from funding_platform.service.problems import ProblemError
from funding_platform.service.streams import follower
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, hand_out, served

SESSION = "/dashboard/session"
RATES = "/api/v1/funding-rates"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    chosen = Settings(data_dir=tmp_path, live=False)
    hand_out(chosen, 1e-4)
    return chosen


@pytest.fixture
def key(settings: Settings) -> str:
    rate = Rate(10_000, 1.0)
    return create_key(settings.service_keys_file, name="desk", scope="admin", rate=rate)[0]


@pytest.fixture
def public(settings: Settings, key: str) -> Iterator[Served]:
    with served(settings, public=True) as running:
        yield running


def shown(client: httpx.Client, key: str, **headers: str) -> httpx.Response:
    return client.post(SESSION, headers={"Authorization": f"Bearer {key}", **headers})


def test_a_key_is_shown_once_and_a_cookie_stands_for_it(public: Served, key: str) -> None:
    with public.client() as client:
        assert client.get(RATES).status_code == 401
        assert client.get(SESSION).json() == {"name": None, "ends_at": None}
        begun = shown(client, key)
        assert begun.status_code == 200, begun.text
        cookie = begun.headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        for word in ("HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={LASTS_SECONDS}"):
            assert word in cookie
        assert "Secure" not in cookie
        assert key.split("_", 2)[2] not in cookie
        assert client.get(RATES).status_code == 200
        assert client.get(SESSION).json()["name"] == "desk"
        assert client.post(SESSION, headers=OWN).status_code == 403, "a session makes no session"
        ended = client.delete(SESSION, headers=OWN)
        assert "Max-Age=0" in ended.headers["set-cookie"]
        assert client.get(RATES).status_code == 401


def test_behind_tls_the_cookie_goes_nowhere_else(public: Served, key: str) -> None:
    with public.client() as client:
        begun = shown(client, key, **{"X-Forwarded-Proto": "https"})
    assert begun.headers["set-cookie"].endswith("; Secure")


def test_a_wrong_key_begins_nothing(public: Served, key: str) -> None:
    with public.client() as client:
        assert client.post(SESSION).status_code == 401
        wrong = shown(client, key[:-1] + ("A" if key[-1] != "A" else "B"))
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers


def test_a_withdrawn_key_ends_its_sessions_and_their_streams(
    settings: Settings, public: Served, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "HEARTBEAT_SECONDS", 0.5)
    with public.client() as client:
        shown(client, key)
        with client.stream("GET", "/api/v1/stream?channels=funding_rates") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith("event: snapshot"))
            revoke_key(settings.service_keys_file, key.split("_")[1])
            assert any("does not count any more" in line for line in lines)
        assert client.get(RATES).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OWN, 422),
        ({"Origin": "{own}"}, 422),
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "{own}"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
    ],
)
def test_only_own_pages_change_something(
    public: Served, key: str, headers: dict[str, str], status: int
) -> None:
    with public.client() as client:
        shown(client, key)
        sent = {name: value.format(own=public.url) for name, value in headers.items()}
        answer = client.put("/api/v1/admin/venues/okx/fees", json={}, headers=sent)
        assert answer.status_code == status, answer.text
        # With the key itself no page is meant: no page has it.
        told = client.put(
            "/api/v1/admin/venues/okx/fees", json={}, headers={"Authorization": f"Bearer {key}"}
        )
        assert told.status_code == 422


def test_a_page_from_elsewhere_opens_no_stream_by_a_session(public: Served, key: str) -> None:
    with public.client() as client:
        shown(client, key)
        cookie = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    url = public.url.replace("http", "ws") + "/ws/funding-rates"
    with (
        pytest.raises(InvalidStatus),
        connect(url, additional_headers=cookie, origin=Origin("https://x.y")),
    ):
        pass
    with connect(url, additional_headers=cookie) as stream:
        assert "subscribed" in str(stream.recv())


def test_sessions_outlast_a_restart_and_end_with_their_time(tmp_path: Path) -> None:
    now = [1_000_000.0]
    file = tmp_path / "service" / "session.key"
    value, session = Sessions(file, lambda: now[0]).begin("0badcafe")
    after = Sessions(file, lambda: now[0])
    headers = {b"cookie": f"a=b; {COOKIE}={value}".encode()}
    assert after.known(headers) == session
    assert file.stat().st_mode & 0o077 == 0
    for wrong in (
        value.replace("0badcafe", "1badcafe"),
        value.replace(str(session.ends_at), str(session.ends_at + 1)),
        value[:-1],
        "",
        "..",
        '"',
    ):
        assert after.known({b"cookie": f"{COOKIE}={wrong}".encode()}) is None
    now[0] += LASTS_SECONDS
    assert after.known(headers) is None
    file.unlink()
    assert Sessions(file).known(headers) is None


def test_a_copied_cookie_is_good_no_more_after_signing_out(
    settings: Settings, public: Served, key: str
) -> None:
    with public.client() as client, public.client() as other, public.client() as thief:
        shown(client, key)
        shown(other, key)
        thief.cookies.set(COOKIE, client.cookies[COOKIE])
        assert thief.get(RATES).status_code == 200
        with thief.stream("GET", "/api/v1/stream?channels=funding_rates") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith("event: snapshot"))
            assert client.delete(SESSION, headers=OWN).status_code == 200
            hand_out(settings, 2e-4, version=2)
            assert any("session does not count any more" in line for line in lines)
        assert thief.get(RATES).status_code == 401
        assert thief.get(SESSION).json()["name"] is None
        assert other.get(RATES).status_code == 200, "another browser's session goes on"
        with served(settings, public=True) as beside:  # as a second process of the same folder
            copied = {"Cookie": f"{COOKIE}={thief.cookies[COOKIE]}"}
            assert beside.get(RATES, headers=copied).status_code == 401


def test_what_was_ended_is_remembered_for_as_long_as_a_copy_would_be_good(tmp_path: Path) -> None:
    now = [1_000_000.0]
    sessions = Sessions(tmp_path / "session.key", lambda: now[0])
    _, first = sessions.begin("0badcafe")
    sessions.end(first)
    kept = tmp_path / "session.ended.json"
    assert first.digest in kept.read_text()
    assert first.number not in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    now[0] += LASTS_SECONDS
    _, second = sessions.begin("0badcafe")
    sessions.end(second)
    assert first.digest not in kept.read_text()
    assert not sessions.lasts(second)
    kept.write_text("{")
    with pytest.raises(KeyFileError, match="cannot be checked"):
        Sessions(tmp_path / "session.key", lambda: now[0]).lasts(second)


def test_a_key_begins_only_so_many_sessions(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "session.key")
    numbers = {sessions.begin("0badcafe")[1].number for _ in range(20)}
    assert len(numbers) == 20
    with pytest.raises(ProblemError, match="20/m"):
        sessions.begin("0badcafe")
    sessions.begin("1badcafe")
