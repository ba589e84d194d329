"""OKX: an answer for each argument, a heartbeat that is text, and a notice before the end."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from funding_platform.sandbox.faults import Stream
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform_tests.sandbox.dialects.hearing import hurried, next_of
from funding_platform_tests.sandbox.listening import HandClock, listening, moving_market

PUBLIC, SWAP = "/ws/v5/public", "BTC-USDT-SWAP"


def ask(*args: tuple[str, str], op: str = "subscribe") -> dict[str, Any]:
    return {"op": op, "args": [{"channel": channel, "instId": name} for channel, name in args]}


def test_every_argument_is_answered_by_itself(streaming: RunningSandbox) -> None:
    with listening(streaming, "okx", PUBLIC) as client:
        client.send(
            ask(("mark-price", SWAP), ("mark-price", "NO-USDT-SWAP"), ("index-tickers", "BTC-USDT"))
        )
        answers = [client.document() for _ in range(3)]
        assert [answer["event"] for answer in answers] == ["subscribe", "error", "subscribe"]
        assert answers[1]["code"] == "60018"
        assert "NO-USDT-SWAP" in answers[1]["msg"]
        mark = client.document()
        assert mark["arg"] == {"channel": "mark-price", "instId": SWAP}
        assert float(mark["data"][0]["markPx"]) > 0
        assert client.document()["data"][0]["instId"] == "BTC-USDT"


def test_an_index_is_known_by_its_pair_and_the_others_are_not(streaming: RunningSandbox) -> None:
    with listening(streaming, "okx", PUBLIC) as client:
        client.send(ask(("index-tickers", SWAP), ("tickers", "BTC-USDT")))
        assert [client.document()["code"] for _ in range(2)] == ["60018", "60018"]


def test_the_payment_comes_before_the_one_after_it(streaming: RunningSandbox) -> None:
    with listening(streaming, "okx", PUBLIC) as client:
        client.send(ask(("funding-rate", SWAP)))
        assert client.document()["event"] == "subscribe"
        [row] = client.document()["data"]
    assert int(row["ts"]) < int(row["fundingTime"]) < int(row["nextFundingTime"])


def test_a_ping_is_text(streaming: RunningSandbox) -> None:
    with listening(streaming, "okx", PUBLIC) as client:
        client.send("ping")
        assert client.text() == "pong"
        client.send("{")
        assert client.document()["code"] == "60012"


def test_silence_either_way_ends_it(clock: HandClock) -> None:
    with (
        hurried(clock) as sandbox,
        listening(sandbox, "okx", PUBLIC) as client,
        pytest.raises(ConnectionClosed),
    ):
        client.document()


def test_a_notice_comes_before_a_rotation(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="rotate", venue="okx", count=1))
    with listening(streaming, "okx", PUBLIC) as client:
        client.send(ask(("mark-price", SWAP)))
        assert next_of(client, event="notice")["code"] == "64008"
        with pytest.raises(ConnectionClosed):
            client.document()


def test_an_end_of_a_subscription(streaming: RunningSandbox) -> None:
    with listening(streaming, "okx", PUBLIC) as client:
        client.send(ask(("mark-price", SWAP)))
        client.send(ask(("mark-price", SWAP), op="unsubscribe"))
        assert next_of(client, event="unsubscribe")["arg"]["instId"] == SWAP
        assert client.silent(0.2)


def test_operations_beyond_the_budget_are_declined(clock: HandClock) -> None:
    with (
        running_sandbox(moving_market(clock), enforce_limits=True) as sandbox,
        listening(sandbox, "okx", PUBLIC) as client,
    ):
        for _ in range(481):
            client.send("ping")
        assert [client.text() for _ in range(480)] == ["pong"] * 480
        assert client.document()["code"] == "60014"
