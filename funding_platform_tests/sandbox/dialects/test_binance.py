"""Binance and Aster: everything is acknowledged, and not everything comes."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from funding_platform.sandbox.faults import Stream
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform_tests.sandbox.dialects.hearing import hurried, next_of
from funding_platform_tests.sandbox.listening import (
    HandClock,
    Listener,
    listening,
    moving_market,
)

MARKET, PUBLIC, OLD_ROOT = "/market/stream", "/public/stream", "/stream"
MARKS, TICKERS, BOOKS = "!markPrice@arr@1s", "!ticker@arr", "!bookTicker"


def ask(*names: str, method: str = "SUBSCRIBE") -> dict[str, Any]:
    return {"method": method, "params": names, "id": 7}


def acknowledged(client: Listener) -> bool:
    return bool(client.document() == {"result": None, "id": 7})


def test_marks_come_in_parts_with_rows_of_other_markets(streaming: RunningSandbox) -> None:
    with listening(streaming, "binance", MARKET) as client:
        client.send(ask(MARKS))
        assert acknowledged(client)
        first, second = client.document(), client.document()
    assert first["stream"] == second["stream"] == MARKS
    rows = {row["s"]: row for part in (first, second) for row in part["data"]}
    assert len(rows) == len(first["data"]) + len(second["data"])
    assert (rows["BTCUSDT"]["st"], rows["BTCUSD_PERP"]["st"]) == (1, 2)
    assert (rows["BTCUSDT_261225"]["T"], rows["BTCUSDT_261225"]["r"]) == (0, "0.00000000")


@pytest.mark.parametrize(
    ("path", "stream"),
    [(OLD_ROOT, MARKS), (OLD_ROOT, TICKERS), (PUBLIC, MARKS), (MARKET, BOOKS), (MARKET, "!no@arr")],
)
def test_a_stream_on_another_path_is_acknowledged_listed_and_silent(
    streaming: RunningSandbox, path: str, stream: str
) -> None:
    with listening(streaming, "binance", path) as client:
        client.send(ask(stream))
        assert acknowledged(client)
        assert client.silent(0.3)  # six periods
        client.send({"method": "LIST_SUBSCRIPTIONS", "id": 8})
        assert client.document() == {"result": [stream], "id": 8}


def test_books_come_on_the_old_root_too(streaming: RunningSandbox) -> None:
    for path in (PUBLIC, OLD_ROOT):
        with listening(streaming, "binance", path) as client:
            client.send(ask(BOOKS))
            assert acknowledged(client)
            assert client.document()["data"]["e"] == "bookTicker"


def test_of_tickers_and_books_only_what_changed(
    streaming: RunningSandbox, clock: HandClock
) -> None:
    with listening(streaming, "binance", MARKET) as client:
        client.send(ask(TICKERS))
        assert acknowledged(client)
        whole = client.document()["data"]
        assert client.silent(0.2)
        clock.step(60)
        changed = client.document()["data"]
    assert 0 < len(changed) <= len(whole)
    assert {row["e"] for row in changed} == {"24hrTicker"}


def test_an_end_of_a_subscription(streaming: RunningSandbox) -> None:
    with listening(streaming, "binance", MARKET) as client:
        client.send(ask(MARKS))
        client.send(ask(MARKS, method="UNSUBSCRIBE"))
        client.send({"method": "LIST_SUBSCRIPTIONS", "id": 8})
        assert next_of(client, id=8)["result"] == []
        assert client.silent(0.2)


@pytest.mark.parametrize("message", ["{", '"SUBSCRIBE"', '{"method":"SUBSCRIBE"}'])
def test_what_is_no_request_is_an_error(streaming: RunningSandbox, message: str) -> None:
    with listening(streaming, "binance", MARKET) as client:
        client.send(message)
        error = client.document()
    assert error["code"] == 2
    assert error["msg"].startswith("Invalid request: ")


def test_a_refused_stream_is_acknowledged_and_silent(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="refuse", venue="binance", path=f"{MARKET}#{MARKS}", count=1))
    with listening(streaming, "binance", MARKET) as client:
        client.send(ask(MARKS))
        assert acknowledged(client)
        assert client.silent(0.2)


def flood(client: Listener) -> None:
    for _ in range(200):
        client.send({"method": "LIST_SUBSCRIPTIONS", "id": 8})
    next_of(client, id=9)


def test_more_than_ten_messages_a_second_end_it(clock: HandClock) -> None:
    with (
        running_sandbox(moving_market(clock), enforce_limits=True) as sandbox,
        listening(sandbox, "binance", MARKET) as client,
        pytest.raises(ConnectionClosed) as ended,
    ):
        flood(client)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1008


def test_a_connection_lasts_for_a_day(clock: HandClock) -> None:
    with (
        hurried(clock, hours=12) as sandbox,
        listening(sandbox, "binance", MARKET) as client,
        pytest.raises(ConnectionClosed) as ended,
    ):
        client.document()
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1001


def test_aster_has_one_path_and_marks_of_what_is_gone(streaming: RunningSandbox) -> None:
    with listening(streaming, "aster", "/stream") as client:
        client.send(ask(MARKS, BOOKS))
        assert [*client.document().items()] == [("id", 7), ("result", None)]
        marks = next_of(client, stream=MARKS)["data"]
        assert next_of(client, stream=BOOKS)["data"]["s"]
    assert "st" not in marks[0]
    assert "ap" not in marks[0]
