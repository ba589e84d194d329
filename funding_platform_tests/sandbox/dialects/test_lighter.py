"""Lighter: a slash that becomes a colon, errors without a name, and repairs that are none."""

import pytest
from websockets.exceptions import ConnectionClosed

from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform_tests.sandbox.dialects.hearing import hurried, next_of
from funding_platform_tests.sandbox.listening import HandClock, listening, moving_market


def subscribe(channel: str = "market_stats/all") -> dict[str, str]:
    return {"type": "subscribe", "channel": channel}


def test_a_greeting_then_all_markets_then_those_that_changed(
    streaming: RunningSandbox, clock: HandClock
) -> None:
    with listening(streaming, "lighter", "/stream") as client:
        assert client.document()["type"] == "connected"
        client.send(subscribe())
        first = client.document()
        assert (first["type"], first["channel"]) == (
            "subscribed/market_stats",
            "market_stats:all",
        )
        clock.step(60)
        update = client.document()
        assert update["type"] == "update/market_stats"
        changed = update["market_stats"]
        assert changed.keys() <= first["market_stats"].keys()
        assert all(row.keys() == next(iter(changed.values())).keys() for row in changed.values())
        assert update["timestamp"] == clock.now_ms


def test_one_market_is_an_object_and_no_map(streaming: RunningSandbox) -> None:
    with listening(streaming, "lighter", "/stream") as client:
        client.send(subscribe("market_stats/0"))
        alone = next_of(client, type="subscribed/market_stats")
        assert alone["market_stats"]["market_id"] == 0


@pytest.mark.parametrize(("channel", "code"), [("market_stats/99999", 30005), ("other/all", 30005)])
def test_an_error_names_no_channel(streaming: RunningSandbox, channel: str, code: int) -> None:
    with listening(streaming, "lighter", "/stream") as client:
        client.send(subscribe(channel))
        assert client.document()["type"] == "connected"
        assert client.document()["error"]["code"] == code
        client.send({"type": "ping"})
        assert client.document() == {"type": "pong"}  # the socket stays open


def test_a_second_subscription_brings_nothing_and_a_new_one_does(streaming: RunningSandbox) -> None:
    with listening(streaming, "lighter", "/stream") as client:
        client.send(subscribe())
        next_of(client, type="subscribed/market_stats")
        client.send(subscribe())
        assert client.document()["error"]["code"] == 30003
        client.send({"type": "unsubscribe", "channel": "market_stats/all"})
        assert client.document() == {"type": "unsubscribed", "channel": "market_stats:all"}
        client.send(subscribe())
        assert client.document()["type"] == "subscribed/market_stats"


def test_a_client_that_only_listens_is_cut(clock: HandClock) -> None:
    with (
        hurried(clock) as sandbox,
        listening(sandbox, "lighter", "/stream") as client,
    ):
        client.send(subscribe())
        with pytest.raises(ConnectionClosed):
            next_of(client, type="never")


def test_messages_beyond_the_budget_are_refused_one_by_one(clock: HandClock) -> None:
    with (
        running_sandbox(moving_market(clock), enforce_limits=True) as sandbox,
        listening(sandbox, "lighter", "/stream") as client,
    ):
        for _ in range(201):
            client.send({"type": "ping"})
        said = [client.document() for _ in range(202)]
        assert said[1:201] == [{"type": "pong"}] * 200
        assert said[201]["error"]["code"] == 30009
