"""The sandbox's sockets, with Bybit's dialect: subscriptions, changes, budgets, and every fault."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.faults import Body, Connection, FieldFault, Latency, Status, Stream
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.listening import PACE, HandClock, listening, moving_market

LINEAR = "/v5/public/linear"
BTC = "tickers.BTCUSDT"


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock(to_ms(NOW))


@pytest.fixture(scope="module")
def serving(clock: HandClock) -> Iterator[RunningSandbox]:
    with running_sandbox(moving_market(clock), pace=PACE) as sandbox:
        yield sandbox


@pytest.fixture
def streaming(serving: RunningSandbox) -> Iterator[RunningSandbox]:
    yield serving
    serving.clear()


@pytest.fixture
def client_of() -> Callable[[RunningSandbox, str], Any]:
    def ask(sandbox: RunningSandbox, path: str) -> Any:
        return httpx.get(sandbox.url + path, timeout=60).raise_for_status().json()

    return ask


def subscribe(*topics: str) -> dict[str, Any]:
    return {"op": "subscribe", "args": [*topics], "req_id": "1"}


def test_a_snapshot_then_only_what_changed(streaming: RunningSandbox, clock: HandClock) -> None:
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        snapshot, acknowledged = client.document(), client.document()
        assert (snapshot["type"], snapshot["topic"]) == ("snapshot", BTC)
        assert snapshot["data"]["fundingRate"]
        assert snapshot["data"]["symbol"] == "BTCUSDT"
        assert acknowledged["success"]
        assert acknowledged["req_id"] == "1"

        clock.step(60)
        delta = client.document()
        changed = delta["data"]
        assert delta["type"] == "delta"
        assert changed["symbol"] == "BTCUSDT"
        assert 1 < len(changed) < len(snapshot["data"])
        assert all(
            value != snapshot["data"][field]
            for field, value in changed.items()
            if field != "symbol"
        )
        assert client.silent(0.1)  # nothing has changed since


def test_the_stream_is_the_same_market_as_the_requests(
    streaming: RunningSandbox, client_of: Any
) -> None:
    row = client_of(streaming, "/bybit/v5/market/tickers?category=linear&symbol=BTCUSDT")
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        streamed = client.document()["data"]
    assert streamed == {k: v for k, v in row["result"]["list"][0].items() if k in streamed}


def test_a_topic_that_is_not_known_costs_the_request(streaming: RunningSandbox) -> None:
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC, "tickers.NOSUCHUSDT"))
        refused = client.document()
        assert not refused["success"]
        assert "tickers.NOSUCHUSDT" in refused["ret_msg"]
        client.send({"op": "ping"})
        assert client.document()["ret_msg"] == "pong"  # and no data came in between


def test_an_end_of_a_subscription(streaming: RunningSandbox, clock: HandClock) -> None:
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC, "tickers.ETHUSDT"))
        assert [client.document().get("topic") for _ in range(3)] == [BTC, "tickers.ETHUSDT", None]
        client.send({"op": "unsubscribe", "args": [BTC]})
        assert client.document()["op"] == "unsubscribe"
        clock.step(60)
        assert client.document()["topic"] == "tickers.ETHUSDT"
        assert client.silent(0.1)


def test_a_path_that_is_not_served(streaming: RunningSandbox) -> None:
    with (
        pytest.raises(InvalidStatus, match="404"),
        listening(streaming, "bybit", "/v5/public/nothing"),
    ):
        pass


def test_messages_beyond_the_budget_end_it(clock: HandClock) -> None:
    market = moving_market(clock)
    with (
        running_sandbox(market, enforce_limits=True) as sandbox,
        listening(sandbox, "bybit", LINEAR) as client,
    ):
        for _ in range(500):
            client.send({"op": "ping"})
        assert [client.document()["ret_msg"] for _ in range(500)] == ["pong"] * 500
        client.send({"op": "ping"})
        with pytest.raises(ConnectionClosed) as ended:
            client.document()
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1008


def test_a_client_that_gives_no_sign_of_life_is_cut(streaming: RunningSandbox, clock: Any) -> None:
    """Ten minutes, at the pace of an hour a second."""
    with (
        running_sandbox(moving_market(clock), pace=3_600.0) as sandbox,
        listening(sandbox, "bybit", LINEAR) as client,
        pytest.raises(ConnectionClosed) as ended,
    ):
        client.document()
    assert ended.value.rcvd is None


def test_a_handshake_that_is_refused(streaming: RunningSandbox) -> None:
    streaming.inject(Status(venue="bybit", path=LINEAR, status=503, count=1))
    with pytest.raises(InvalidStatus, match="503"), listening(streaming, "bybit", LINEAR):
        pass
    with listening(streaming, "bybit", LINEAR) as client:
        client.send({"op": "ping"})
        assert client.document()["ret_msg"] == "pong"


def test_cut(streaming: RunningSandbox) -> None:
    streaming.inject(Connection(action="reset", venue="bybit", path=f"{LINEAR}#", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        with pytest.raises(ConnectionClosed) as ended:
            client.document()
        assert ended.value.rcvd is None


def test_half_open_silence_answers_not_even_a_ping(streaming: RunningSandbox) -> None:
    streaming.inject(Connection(action="hang", venue="bybit", path=f"{LINEAR}#", count=1))
    with listening(streaming, "bybit", LINEAR, ping_interval=None) as client:
        client.send(subscribe(BTC))
        assert client.silent(0.1)
        assert not client.connection.ping().wait(0.1)


def test_a_stale_topic_under_a_live_socket(streaming: RunningSandbox, clock: HandClock) -> None:
    streaming.inject(Stream(action="stale", venue="bybit", path=f"{LINEAR}#{BTC}", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC, "tickers.ETHUSDT"))
        assert client.document()["topic"] == "tickers.ETHUSDT"
        assert client.document()["success"]
        clock.step(60)
        assert client.document()["topic"] == "tickers.ETHUSDT"
        assert client.silent(0.1)


def test_late(streaming: RunningSandbox) -> None:
    streaming.inject(Latency(seconds=0.2, venue="bybit", path=f"{LINEAR}#", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert client.silent(0.1)
        assert client.document()["topic"] == BTC


def test_duplicated(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="duplicate", venue="bybit", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert client.text() == client.text()


def test_reordered(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="reorder", venue="bybit", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC, "tickers.ETHUSDT"))
        assert [client.document()["topic"] for _ in range(2)] == ["tickers.ETHUSDT", BTC]


def test_malformed(streaming: RunningSandbox) -> None:
    streaming.inject(Body(action="truncate", venue="bybit", path=f"{LINEAR}#", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert not client.text().endswith("}")
        assert client.document()["success"]


def test_a_field_renamed(streaming: RunningSandbox) -> None:
    streaming.inject(FieldFault(action="rename", field="fundingRate", venue="bybit"))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert "fundingRateRenamed" in client.document()["data"]


def test_a_change_before_the_snapshot(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="delta_first", venue="bybit", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert [client.document()["type"] for _ in range(2)] == ["delta", "snapshot"]


def test_rotated(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="rotate", venue="bybit", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        with pytest.raises(ConnectionClosed) as ended:
            client.document()
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1001


def test_a_subscription_refused(streaming: RunningSandbox) -> None:
    streaming.inject(Stream(action="refuse", venue="bybit", path=f"{LINEAR}#{BTC}", count=1))
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert not client.document()["success"]
        client.send(subscribe(BTC))
        assert client.document()["type"] == "snapshot"


def test_faults_of_streams_are_not_used_up_by_requests(
    streaming: RunningSandbox, client_of: Any
) -> None:
    streaming.inject(Stream(action="duplicate", venue="bybit", count=1))
    assert client_of(streaming, "/bybit/v5/market/time")["retCode"] == 0
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert client.text() == client.text()


def test_what_was_said_is_counted(streaming: RunningSandbox) -> None:
    def rows() -> int:
        return streaming.stats().get("bybit", {}).get(f"{LINEAR}#tickers", {}).get("rows", 0)

    before = rows()
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC, "tickers.ETHUSDT"))
        assert [client.document() for _ in range(3)]
        assert rows() - before == 2


def test_the_dialect_serves_a_venue_of_that_name(served: RunningSandbox) -> None:
    assert served.stream_urls["bybit"] == served.url_of("bybit").replace("http://", "ws://")


def test_now_is_the_markets(streaming: RunningSandbox, clock: HandClock) -> None:
    with listening(streaming, "bybit", LINEAR) as client:
        client.send(subscribe(BTC))
        assert client.document()["ts"] == clock.now_ms
