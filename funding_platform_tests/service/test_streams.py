"""What changes goes out in order, whole, to each at its own pace; and to nobody for ever."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from funding_platform.flows.live.latest import STRIPS
from funding_platform.flows.queries import latest_curves, open_lake
from funding_platform.service.access.keys import Rate, create_key, revoke_key
from funding_platform.service.streams import follower
from funding_platform.service.streams import routes as streams
from funding_platform.service.streams.messages import CHANNELS, Filters
from funding_platform.service.streams.states import (
    EMPTY,
    Row,
    State,
    joined,
    passes,
    step_between,
    wanted_of,
)
from funding_platform.settings import Settings
from funding_platform_tests.service.messages import TYPES, require_declared
from funding_platform_tests.service.server import Served, hand_out, served

SUBSCRIBE = {"type": "subscribe", "channels": ["funding_rates"]}


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    """No lake, only a board."""
    chosen = Settings(data_dir=tmp_path, live=False)
    hand_out(chosen, 1e-4)
    return chosen


@contextmanager
def following(service: Served, path: str = "/api/v1/ws", **more: Any) -> Iterator[ClientConnection]:
    url = service.url.replace("http", "ws") + path
    with connect(url, max_size=2**26, open_timeout=60, **more) as opened:
        yield opened


def heard(opened: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind; heartbeats may come before it."""
    while True:
        message: dict[str, Any] = json.loads(opened.recv(timeout=60))
        require_declared(message)
        if message["type"] != "heartbeat":
            assert message["type"] == kind, message
            return message


def rates(message: dict[str, Any]) -> dict[tuple[str, str], float]:
    return {
        (row["venue"], row["venue_symbol"]): row["predicted_rate_8h"] for row in message["data"]
    }


def test_first_a_snapshot_then_what_changes(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps(SUBSCRIBE))
        assert heard(opened, "subscribed")["channels"] == ["funding_rates"]
        first = heard(opened, "snapshot")
        assert (first["source"], len(first["data"])) == ("live", 2)
        sequence = first["sequence"]
        for number in range(2, 5):
            hand_out(settings, number * 1e-4, version=number)
            step = heard(opened, "changes")
            assert step["sequence"] > sequence
            sequence = step["sequence"]
            assert [*rates(step).values()] == pytest.approx([number * 1e-4] * 2)
            assert step["removed"] == []
        opened.send(json.dumps({"type": "unsubscribe", "channels": ["funding_rates"]}))
        assert heard(opened, "subscribed")["channels"] == []


def test_only_what_passes_is_told(settings: Settings) -> None:
    hand_out(settings, 1e-4, symbols=3)
    wanted = {**SUBSCRIBE, "filters": {"venues": ["binance"], "bases": ["COIN1", "COIN2"]}}
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps(wanted))
        heard(opened, "subscribed")
        assert set(rates(heard(opened, "snapshot"))) == {
            ("binance", "COIN1"),
            ("binance", "COIN2"),
        }
        hand_out(settings, 2e-4, version=2, symbols=2)
        step = heard(opened, "changes")
        assert set(rates(step)) == {("binance", "COIN1")}
        assert step["removed"] == [["binance", "COIN2"]]


def test_what_is_no_request_is_answered_and_the_stream_goes_on(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        for said in ("", "[]", "{", '{"type": "subscribe"}', '{"type": "drop"}', b"\xff\xfe",
                     '{"type": "subscribe", "channels": ["everything"]}',
                     '{"type": "subscribe", "channels": ["events"], "filter": {}}'):  # fmt: skip
            opened.send(said)
            assert heard(opened, "error")["hint"]
        opened.send(json.dumps({**SUBSCRIBE, "channels": ["events"]}))
        assert heard(opened, "subscribed")["channels"] == ["events"]
        heard(opened, "snapshot")
        for _ in range(20):
            opened.send("{}")
        while "messages" not in heard(opened, "error")["detail"]:
            pass


def test_events_tell_of_venues_and_the_collector(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps({**SUBSCRIBE, "channels": ["events"]}))
        heard(opened, "subscribed")
        assert heard(opened, "snapshot")["data"] == []
        hand_out(settings, 1e-4, version=2, silent=True)
        (event,) = heard(opened, "changes")["data"]
        assert (event["kind"], event["venue"]) == ("venue_silent", "hyperliquid")
        hand_out(settings, 1e-4, version=3)
        (event,) = heard(opened, "changes")["data"]
        assert event["kind"] == "venue_back"


def test_named_streams_begin_by_themselves(settings: Settings) -> None:
    with served(settings) as service:
        with following(service, "/ws/funding-rates") as opened:
            assert heard(opened, "subscribed")["channels"] == ["funding_rates"]
            assert heard(opened, "snapshot")["channel"] == "funding_rates"
        with following(service, "/ws/opportunities") as opened:
            assert heard(opened, "subscribed")["channels"] == ["opportunities"]
            assert heard(opened, "snapshot")["data"] == []  # there is no lake, so no fees


def events_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
            continue
        message = json.loads(event["data"])
        require_declared(message)
        assert message["type"] == event["event"]
        if event["event"] != "heartbeat":
            yield {**event, "data": message}
        event = {}


def test_events_go_on_where_a_client_left_off(settings: Settings) -> None:
    with served(settings) as service, service.client() as client:
        asked = {"channels": "funding_rates"}
        with client.stream("GET", "/api/v1/stream", params=asked) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            told = events_of(response)
            assert next(told)["event"] == "subscribed"
            first = next(told)
            assert first["event"] == "snapshot"
        hand_out(settings, 2e-4, version=2)
        time.sleep(2.5)  # the hub looks once a second, whoever listens
        again = {"Last-Event-ID": first["id"]}
        with client.stream("GET", "/api/v1/stream", params=asked, headers=again) as response:
            told = events_of(response)
            next(told)
            assert next(told)["event"] == "changes"
        unknown = {"Last-Event-ID": "00000000-7"}
        with client.stream("GET", "/api/v1/stream", params=asked, headers=unknown) as response:
            told = events_of(response)
            next(told)
            assert next(told)["event"] == "snapshot"


def test_who_takes_nothing_is_let_go_and_others_are_not_kept_waiting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "TAKEN_WITHIN_SECONDS", 1.0)
    hand_out(settings, 1e-4, symbols=6_000)
    with served(settings) as service, socket.socket() as stalled:
        host, port = service.url.removeprefix("http://").split(":")
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.connect((host, int(port)))
        request = f"GET /api/v1/stream?channels=funding_rates HTTP/1.1\r\nHost: {host}\r\n\r\n"
        stalled.sendall(request.encode())
        with following(service) as opened:
            opened.send(json.dumps({**SUBSCRIBE, "filters": {"bases": ["BTC"]}}))
            heard(opened, "subscribed")
            heard(opened, "snapshot")
            for version in range(2, 30):
                hand_out(settings, version * 1e-4, version=version, symbols=6_000)
                assert len(heard(opened, "changes")["data"]) == 2
                if figure(service, "funding_service_streams_let_go_total") == 1:
                    break
            else:
                pytest.fail("a client that takes nothing is kept")
            assert figure(service, "funding_service_stream_clients") == 1


def figure(service: Served, name: str) -> float:
    found: float = service.get("/api/v1/metrics").json()[name]["series"][0]["value"]
    return found


def test_the_end_of_the_service_is_told(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps(SUBSCRIBE))
        heard(opened, "subscribed")
        heard(opened, "snapshot")
        service.server.should_exit = True
        assert "ends" in heard(opened, "closing")["reason"]
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(timeout=60)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012


def test_a_stream_needs_a_key_and_ends_with_it(settings: Settings) -> None:
    key, kept = create_key(
        settings.service_keys_file, name="desk", scope="read", rate=Rate(100, 1.0)
    )
    with served(settings, public=True) as service:
        with pytest.raises(InvalidStatus, match="401"), following(service):
            pass
        headers = {"Authorization": f"Bearer {key}"}
        with following(service, additional_headers=headers) as opened:
            opened.send(json.dumps(SUBSCRIBE))
            heard(opened, "subscribed")
            heard(opened, "snapshot")
            revoke_key(settings.service_keys_file, kept.id)
            for number in range(2, 60):
                hand_out(settings, number * 1e-4, version=number)
                message = json.loads(opened.recv(timeout=60))
                if message["type"] == "closing":
                    break
            assert "key" in message["reason"]


def test_pages_from_elsewhere_open_no_stream(settings: Settings) -> None:
    with (
        served(settings) as service,
        pytest.raises(InvalidStatus, match="403"),
        following(service, origin="https://elsewhere.example"),
    ):
        pass


def test_every_channel_tells_rows_as_they_are_declared(own_lake: Settings) -> None:
    """Of a whole lake and a board with curves; ``heard`` holds each message to the document."""
    with open_lake(own_lake) as lake:
        hand_out(own_lake, 1e-4, more={STRIPS: latest_curves(lake, "BTC")})
    with served(own_lake) as service, following(service) as opened:
        opened.send(json.dumps({**SUBSCRIBE, "channels": [*CHANNELS]}))
        heard(opened, "subscribed")
        told = {
            one["channel"]: one["data"] for one in (heard(opened, "snapshot") for _ in CHANNELS)
        }
    assert told.keys() == set(CHANNELS)
    assert all(rows for channel, rows in told.items() if channel != "events"), told.keys()


def test_the_document_has_every_address_and_message(service: Served) -> None:
    document = service.get("/api/v1/asyncapi.json").json()
    addresses = {channel["address"] for channel in document["channels"].values()}
    routes = {one.path for one in streams.router.routes if isinstance(one, WebSocketRoute)}
    assert addresses == {*routes, "/api/v1/stream"}
    assert document["components"]["messages"].keys() == TYPES
    used = re.findall(r'"#/([^"]+)"', json.dumps(document))
    for pointer in used:
        place: Any = document
        for part in pointer.split("/"):
            place = place[part]
    rows = document["components"]["schemas"]["Row_opportunities"]["properties"]
    assert rows["net_apr"]["description"].endswith("Unit: fraction per year.")


KEYS = st.sampled_from("abcd")
STATES = st.lists(st.dictionaries(KEYS, st.integers(0, 2), max_size=4), min_size=2, max_size=6)


def shown(rows: dict[str, int]) -> State:
    return State({(key,): row(key, value) for key, value in rows.items()}, None, "live")


def row(key: str, value: int) -> Row:
    return {"venue": key, "base": f"{value}", "predicted_rate": value, "observed_at": object()}


@given(STATES, st.sampled_from([Filters(), Filters(bases=("1",)), Filters(venues=("a", "b"))]))
def test_whoever_applies_the_steps_knows_the_last_state(
    seen: list[dict[str, int]], filters: Filters
) -> None:
    states = [shown(rows) for rows in seen]
    steps = [
        step_between(before, after, number)
        for number, (before, after) in enumerate(pairwise(states), 1)
    ]
    for told in (steps, [joined(steps)]):
        known = {key: one for key, one in states[0].rows.items() if passes(filters, one)}
        for step in told:
            rows, gone = wanted_of(step, filters)
            for key in gone:
                del known[key]
            known |= {(one["venue"],): one for one in rows}
        expected = {key: one for key, one in states[-1].rows.items() if passes(filters, one)}
        assert values(known) == values(expected)


def values(rows: Any) -> dict[Any, Any]:
    return {key: one["predicted_rate"] for key, one in rows.items()}


def test_another_look_alone_is_no_change() -> None:
    assert len(step_between(shown({"a": 1}), shown({"a": 1}), 1)) == 0
    assert len(step_between(EMPTY, shown({"a": 1}), 1)) == 1
