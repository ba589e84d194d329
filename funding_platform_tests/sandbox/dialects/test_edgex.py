"""edgeX: snapshots, changes, and pings that want an answer."""

import json

import pytest
from websockets.exceptions import ConnectionClosed

from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.sandbox.dialects.hearing import hurried, next_of
from funding_platform_tests.sandbox.listening import HandClock, listening

EDGEX = "/api/v1/public/ws"


def subscribe(channel: str = "ticker.all.1s") -> dict[str, str]:
    return {"type": "subscribe", "channel": channel}


def test_a_snapshot_then_fields_that_changed(streaming: RunningSandbox, clock: HandClock) -> None:
    with listening(streaming, "edgex", EDGEX) as client:
        assert client.document()["type"] == "connected"
        client.send(subscribe())
        assert client.document()["type"] == "subscribed"
        whole = client.document()["content"]
        assert (whole["dataType"], whole["data"][0]["marketOpen"]) == ("Snapshot", True)
        clock.step(60)
        changed = next_of(client, type="quote-event")["content"]
        assert changed["dataType"] == "changed"
        assert len(changed["data"][0]) < len(whole["data"][0])
        assert {"contractId", "contractName"} <= changed["data"][0].keys()


def test_it_pings_and_is_pinged(streaming: RunningSandbox) -> None:
    with listening(streaming, "edgex", EDGEX) as client:
        client.send({"type": "ping", "time": "5"})
        assert next_of(client, type="pong")["time"] == "5"
        assert next_of(client, type="ping")["time"].isdecimal()


def test_a_client_that_never_answers_is_dropped(clock: HandClock) -> None:
    with (
        hurried(clock) as sandbox,
        listening(sandbox, "edgex", EDGEX) as client,
        pytest.raises(ConnectionClosed),
    ):
        next_of(client, type="never")


def test_an_unknown_channel_is_an_error_that_repeats_the_request(streaming: RunningSandbox) -> None:
    asked = json.dumps(subscribe("ticker.99999999"))
    with listening(streaming, "edgex", EDGEX) as client:
        client.send(asked)
        assert next_of(client, type="error")["request"] == asked
