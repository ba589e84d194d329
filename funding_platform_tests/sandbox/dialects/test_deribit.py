"""Deribit: what is not known is left out, and a test request wants an answer."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from funding_platform.sandbox.faults import Stream
from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.sandbox.dialects.hearing import hurried, next_of
from funding_platform_tests.sandbox.listening import HandClock, listening

API, BTC = "/ws/api/v2", "ticker.BTC-PERPETUAL.100ms"


def rpc(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": f"public/{method}", "params": params}


def test_an_unknown_channel_is_missing_from_the_result(streaming: RunningSandbox) -> None:
    with listening(streaming, "deribit", API) as client:
        client.send(rpc("subscribe", channels=[BTC, "ticker.NO-PERPETUAL.100ms", "ticker.BTC"]))
        answer = client.document()
        assert (answer["id"], answer["result"]) == (1, [BTC])
        row = client.document()["params"]
    assert row["channel"] == BTC
    assert row["data"]["instrument_name"] == "BTC-PERPETUAL"
    assert row["data"]["timestamp"] > 0


def test_a_second_subscription_brings_no_second_snapshot(streaming: RunningSandbox) -> None:
    with listening(streaming, "deribit", API) as client:
        client.send(rpc("subscribe", channels=[BTC]))
        client.send(rpc("subscribe", 2, channels=[BTC]))
        assert next_of(client, id=2)["result"] == [BTC]
        assert client.silent(0.1)


def test_raw_channels_and_unknown_methods_are_errors(streaming: RunningSandbox) -> None:
    with listening(streaming, "deribit", API) as client:
        client.send(rpc("subscribe", channels=["ticker.BTC-PERPETUAL.raw"]))
        assert client.document()["error"]["code"] == 13778
        client.send(rpc("nothing", 3))
        assert client.document()["error"]["code"] == -32601
        client.send("{")
        assert client.document()["error"]["code"] == -32700
        client.send(rpc("set_heartbeat", interval=5))
        assert client.document()["error"]["code"] == -32602


def test_a_heartbeat_comes_once_it_is_asked_for(streaming: RunningSandbox) -> None:
    with listening(streaming, "deribit", API) as client:
        client.send(rpc("set_heartbeat", interval=10))
        assert client.document()["result"] == "ok"
        assert client.document()["params"] == {"type": "test_request"}
        client.send(rpc("test", 9))
        assert next_of(client, id=9)["result"]["version"]


def test_who_never_answers_is_closed(clock: HandClock) -> None:
    with (
        hurried(clock) as sandbox,
        listening(sandbox, "deribit", API) as client,
        pytest.raises(ConnectionClosed) as ended,
    ):
        next_of(client, id=9)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 4000


def test_a_refused_channel_is_missing_too(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="refuse", venue="deribit", path=f"{API}#{BTC}", count=1))
    with listening(streaming, "deribit", API) as client:
        client.send(rpc("subscribe", channels=[BTC]))
        assert client.document()["result"] == []


def test_an_end_of_a_subscription(streaming: RunningSandbox, clock: HandClock) -> None:
    with listening(streaming, "deribit", API) as client:
        client.send(rpc("subscribe", channels=[BTC]))
        client.send(rpc("unsubscribe", 2, channels=[BTC]))
        assert next_of(client, id=2)["result"] == [BTC]
        clock.step(60)
        assert client.silent(0.1)
