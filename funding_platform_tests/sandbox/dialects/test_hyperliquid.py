"""Hyperliquid: rows without names, and a connection that one bad coin ends."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from funding_platform.sandbox.faults import Stream
from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.sandbox.dialects.hearing import hurried, next_of
from funding_platform_tests.sandbox.listening import HandClock, listening

WS = "/ws"


def ask(kind: str, method: str = "subscribe", **wanted: str) -> dict[str, Any]:
    return {"method": method, "subscription": {"type": kind, **wanted}}


def test_a_coin_is_acknowledged_and_repeated(streaming: RunningSandbox) -> None:
    with listening(streaming, "hyperliquid", WS) as client:
        client.send(ask("activeAssetCtx", coin="BTC"))
        assert client.document()["data"] == ask("activeAssetCtx", coin="BTC")
        first, second = client.document(), client.document()
    assert first == second
    assert first["data"]["coin"] == "BTC"
    assert float(first["data"]["ctx"]["markPx"]) > 0


def test_the_list_is_as_long_as_the_universes(streaming: RunningSandbox) -> None:
    with listening(streaming, "hyperliquid", WS) as client:
        client.send(ask("allDexsAssetCtxs"))
        assert client.document()["channel"] == "subscriptionResponse"
        exchanges = client.document()["data"]["ctxs"]
    assert [dex for dex, _ in exchanges] == ["", "xyz"]
    assert all("funding" in row and "coin" not in row for _, rows in exchanges for row in rows)


@pytest.mark.parametrize("coin", ["NOPE", "btc", "xyz:BTC"])
def test_a_bad_coin_ends_the_connection_without_a_word(
    streaming: RunningSandbox, coin: str
) -> None:
    with listening(streaming, "hyperliquid", WS) as client:
        client.send(ask("bbo", coin="BTC"))
        client.send(ask("bbo", coin=coin))
        with pytest.raises(ConnectionClosed) as ended:
            next_of(client, channel="nothing")
    assert ended.value.rcvd is None


def test_a_refused_coin_ends_it_too(streaming: RunningSandbox) -> None:
    path = f"{WS}#activeAssetCtx:BTC"
    streaming.inject(Stream(action="refuse", venue="hyperliquid", path=path, count=1))
    with listening(streaming, "hyperliquid", WS) as client:
        client.send(ask("activeAssetCtx", coin="BTC"))
        with pytest.raises(ConnectionClosed):
            client.document()


def test_a_second_subscription_is_an_error_and_changes_nothing(streaming: RunningSandbox) -> None:
    with listening(streaming, "hyperliquid", WS) as client:
        client.send(ask("bbo", coin="BTC"))
        client.send(ask("bbo", coin="BTC"))
        assert next_of(client, channel="error")["data"].startswith("Already subscribed: ")
        client.send({"method": "ping"})
        assert next_of(client, channel="pong")


def test_what_cannot_be_read_is_an_error(streaming: RunningSandbox) -> None:
    with listening(streaming, "hyperliquid", WS) as client:
        for message in ("{", '{"method":"subscribe"}'):
            client.send(message)
            assert client.document()["channel"] == "error"


def test_quotes_come_where_they_changed(streaming: RunningSandbox, clock: HandClock) -> None:
    with listening(streaming, "hyperliquid", WS) as client:
        client.send(ask("bbo", coin="BTC"))
        first = next_of(client, channel="bbo")["data"]
        assert client.silent(0.2)
        clock.step(60)
        second = next_of(client, channel="bbo")["data"]
    assert second["time"] == first["time"] + 60_000
    assert second["bbo"] != first["bbo"]


def test_an_end_of_a_subscription(streaming: RunningSandbox) -> None:
    with listening(streaming, "hyperliquid", WS) as client:
        client.send(ask("activeAssetCtx", coin="BTC"))
        client.send(ask("activeAssetCtx", "unsubscribe", coin="BTC"))
        while client.document().get("data", {}).get("method") != "unsubscribe":
            continue
        assert client.silent(0.2)


def test_a_venue_that_has_said_nothing_for_a_minute_ends_it(clock: HandClock) -> None:
    with (
        hurried(clock) as sandbox,
        listening(sandbox, "hyperliquid", WS) as client,
        pytest.raises(ConnectionClosed),
    ):
        client.document()
