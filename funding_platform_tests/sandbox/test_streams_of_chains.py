"""What the dialects of chains say besides data: greetings, acknowledgements, pings, refusals."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.faults import Stream
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.sandbox.listening import (
    PACE,
    HandClock,
    Listener,
    listening,
    moving_market,
)

NOW_MS = to_ms(NOW)
BTC, ETH = "BTC_USDT_Perp", "ETH_USDT_Perp"
EDGEX = "/api/v1/public/ws"


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock(NOW_MS)


@pytest.fixture(scope="module")
def serving(clock: HandClock) -> Iterator[RunningSandbox]:
    with running_sandbox(moving_market(clock), pace=PACE) as sandbox:
        yield sandbox


@pytest.fixture
def streaming(serving: RunningSandbox) -> Iterator[RunningSandbox]:
    yield serving
    serving.clear()


def hurried(clock: HandClock, **options: Any) -> Any:
    """A sandbox at the pace of an hour a second."""
    return running_sandbox(moving_market(clock), pace=3_600.0, **options)


def next_of(client: Listener, **wanted: Any) -> Any:
    """The next document that has these values; what comes before is of no interest."""
    while True:
        document = client.document()
        if all(document.get(name) == value for name, value in wanted.items()):
            return document


class TestLighter:
    def subscribe(self, channel: str = "market_stats/all") -> dict[str, str]:
        return {"type": "subscribe", "channel": channel}

    def test_a_greeting_then_all_markets_then_those_that_changed(
        self, streaming: RunningSandbox, clock: HandClock
    ) -> None:
        with listening(streaming, "lighter", "/stream") as client:
            assert client.document()["type"] == "connected"
            client.send(self.subscribe())
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
            assert all(
                row.keys() == next(iter(changed.values())).keys() for row in changed.values()
            )
            assert update["timestamp"] == clock.now_ms

    def test_one_market_is_an_object_and_no_map(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "lighter", "/stream") as client:
            client.send(self.subscribe("market_stats/0"))
            alone = next_of(client, type="subscribed/market_stats")
            assert alone["market_stats"]["market_id"] == 0

    @pytest.mark.parametrize(
        ("channel", "code"), [("market_stats/99999", 30005), ("other/all", 30005)]
    )
    def test_an_error_names_no_channel(
        self, streaming: RunningSandbox, channel: str, code: int
    ) -> None:
        with listening(streaming, "lighter", "/stream") as client:
            client.send(self.subscribe(channel))
            assert client.document()["type"] == "connected"
            assert client.document()["error"]["code"] == code
            client.send({"type": "ping"})
            assert client.document() == {"type": "pong"}  # the socket stays open

    def test_a_second_subscription_brings_nothing_and_a_new_one_does(
        self, streaming: RunningSandbox
    ) -> None:
        with listening(streaming, "lighter", "/stream") as client:
            client.send(self.subscribe())
            next_of(client, type="subscribed/market_stats")
            client.send(self.subscribe())
            assert client.document()["error"]["code"] == 30003
            client.send({"type": "unsubscribe", "channel": "market_stats/all"})
            assert client.document() == {"type": "unsubscribed", "channel": "market_stats:all"}
            client.send(self.subscribe())
            assert client.document()["type"] == "subscribed/market_stats"

    def test_a_client_that_only_listens_is_cut(self, clock: HandClock) -> None:
        with (
            hurried(clock) as sandbox,
            listening(sandbox, "lighter", "/stream") as client,
        ):
            client.send(self.subscribe())
            with pytest.raises(ConnectionClosed):
                next_of(client, type="never")

    def test_messages_beyond_the_budget_are_refused_one_by_one(self, clock: HandClock) -> None:
        with (
            running_sandbox(moving_market(clock), enforce_limits=True) as sandbox,
            listening(sandbox, "lighter", "/stream") as client,
        ):
            for _ in range(201):
                client.send({"type": "ping"})
            said = [client.document() for _ in range(202)]
            assert said[1:201] == [{"type": "pong"}] * 200
            assert said[201]["error"]["code"] == 30009


class TestExtended:
    def test_the_address_is_the_subscription_and_messages_are_numbered(
        self, streaming: RunningSandbox
    ) -> None:
        with listening(streaming, "extended", "/prices/mark") as client:
            said = [client.document() for _ in range(5)]
        assert [message["seq"] for message in said] == [1, 2, 3, 4, 5]
        assert {(message["type"], message["data"]["ts"]) for message in said} == {("MP", 0)}
        assert all(message["ts"] >= NOW_MS for message in said)

    def test_a_book_is_one_level_deep_and_whole(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "extended", "/orderbooks?depth=1") as client:
            data = client.document()["data"]
        assert (data["t"], len(data["b"]), len(data["a"])) == ("SNAPSHOT", 1, 1)
        assert "c" not in data["b"][0]

    def test_a_client_without_a_name_is_turned_away(self, streaming: RunningSandbox) -> None:
        with (
            pytest.raises(InvalidStatus, match="403"),
            listening(streaming, "extended", "/prices/mark", user_agent_header=None),
        ):
            pass


class TestParadex:
    def ask(self, channel: str = "markets_summary", method: str = "subscribe") -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"channel": channel}}

    def test_perpetuals_come_one_by_one_and_options_among_them(
        self, streaming: RunningSandbox
    ) -> None:
        with listening(streaming, "paradex", "/v1") as client:
            client.send(self.ask())
            acknowledged = client.document()
            assert (acknowledged["id"], acknowledged["result"]) == (
                7,
                {"channel": "markets_summary"},
            )
            rows = [client.document()["params"]["data"] for _ in range(200)]
        options = [row for row in rows if not row["symbol"].endswith("-PERP")]
        assert {row["funding_rate"] for row in options} == {""}
        assert len(rows) > len(options) > 0

    @pytest.mark.parametrize("channel", ["markets_sumary", "funding_data.NO-USD-PERP"])
    def test_an_unknown_channel_is_an_error(self, streaming: RunningSandbox, channel: str) -> None:
        with listening(streaming, "paradex", "/v1") as client:
            client.send(self.ask(channel))
            assert client.document()["error"]["data"] == "invalid channel"

    def test_the_same_channel_twice_is_an_error(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "paradex", "/v1") as client:
            client.send(self.ask())
            client.send(self.ask())
            errors = (said for said in iter(client.document, None) if "error" in said)
            assert next(errors)["error"]["code"] == -32600

    @pytest.mark.parametrize("message", ["{", "[]", '{"id":1,"method":"rob"}'])
    def test_what_is_no_call_is_an_error(self, streaming: RunningSandbox, message: str) -> None:
        with listening(streaming, "paradex", "/v1") as client:
            client.send(message)
            assert client.document()["error"]["code"] < -32000


class TestEdgex:
    def subscribe(self, channel: str = "ticker.all.1s") -> dict[str, str]:
        return {"type": "subscribe", "channel": channel}

    def test_a_snapshot_then_fields_that_changed(
        self, streaming: RunningSandbox, clock: HandClock
    ) -> None:
        with listening(streaming, "edgex", EDGEX) as client:
            assert client.document()["type"] == "connected"
            client.send(self.subscribe())
            assert client.document()["type"] == "subscribed"
            whole = client.document()["content"]
            assert (whole["dataType"], whole["data"][0]["marketOpen"]) == ("Snapshot", True)
            clock.step(60)
            changed = next_of(client, type="quote-event")["content"]
            assert changed["dataType"] == "changed"
            assert len(changed["data"][0]) < len(whole["data"][0])
            assert {"contractId", "contractName"} <= changed["data"][0].keys()

    def test_it_pings_and_is_pinged(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "edgex", EDGEX) as client:
            client.send({"type": "ping", "time": "5"})
            assert next_of(client, type="pong")["time"] == "5"
            assert next_of(client, type="ping")["time"].isdecimal()

    def test_a_client_that_never_answers_is_dropped(self, clock: HandClock) -> None:
        with (
            hurried(clock) as sandbox,
            listening(sandbox, "edgex", EDGEX) as client,
            pytest.raises(ConnectionClosed),
        ):
            next_of(client, type="never")

    def test_an_unknown_channel_is_an_error_that_repeats_the_request(
        self, streaming: RunningSandbox
    ) -> None:
        asked = json.dumps(self.subscribe("ticker.99999999"))
        with listening(streaming, "edgex", EDGEX) as client:
            client.send(asked)
            assert next_of(client, type="error")["request"] == asked


class TestGrvt:
    def ask(self, *selectors: str, method: str = "subscribe") -> dict[str, Any]:
        params = {"stream": "v1.ticker.s", "selectors": selectors}
        return {"jsonrpc": "2.0", "method": method, "params": params, "id": 3}

    def test_what_is_not_known_is_missing_in_the_answer(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "grvt", "/ws/full") as client:
            client.send(self.ask(f"{BTC}@500", "NO_USDT_Perp@500", f"{ETH}@7"))
            answer = client.document()
            assert (answer["id"], answer["result"]["subs"]) == (3, [f"{BTC}@500"])
            ticker = client.document()
            assert (ticker["selector"], ticker["feed"]["instrument"]) == (f"{BTC}@500", BTC)

    def test_nothing_known_at_all_is_an_error(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "grvt", "/ws/full") as client:
            client.send(self.ask("NO_USDT_Perp@500"))
            assert client.document()["error"]["code"] == 3000

    def test_another_rate_replaces_the_first(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "grvt", "/ws/full") as client:
            client.send(self.ask(f"{BTC}@500"))
            client.send(self.ask(f"{BTC}@1000"))
            replaced = (said for said in iter(client.document, None) if "result" in said)
            next(replaced)
            assert next(replaced)["result"]["unsubs"] == [f"{BTC}@500"]
            assert {client.document()["selector"] for _ in range(3)} == {f"{BTC}@1000"}

    def test_numbers_grow_by_one(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "grvt", "/ws/full") as client:
            client.send(self.ask(f"{BTC}@500"))
            client.document()
            said = [client.document() for _ in range(3)]
        assert [int(message["sequence_number"]) for message in said] == [1, 2, 3]
        assert [int(message["prev_sequence_number"]) for message in said] == [0, 1, 2]

    @pytest.mark.parametrize(
        ("message", "code"), [("{", 1003), ('{"id":1,"method":"rob","params":{}}', 1200)]
    )
    def test_what_is_no_call_is_an_error(
        self, streaming: RunningSandbox, message: str, code: int
    ) -> None:
        with listening(streaming, "grvt", "/ws/full") as client:
            client.send(message)
            assert client.document()["error"]["code"] == code


class TestBackpack:
    def ask(self, *names: str, method: str = "SUBSCRIBE") -> dict[str, Any]:
        return {"method": method, "params": names}

    def test_nothing_is_acknowledged_and_marks_come_though_nothing_changes(
        self, streaming: RunningSandbox
    ) -> None:
        with listening(streaming, "backpack", "/") as client:
            client.send(self.ask("markPrice.BTC_USDC_PERP", "markPrice.NO_USDC_PERP"))
            said = [client.document() for _ in range(3)]
        assert {message["stream"] for message in said} == {"markPrice.BTC_USDC_PERP"}
        assert said[0]["data"]["E"] == said[0]["data"]["T"] + 1 > NOW_MS * 1_000

    def test_an_error_does_not_say_of_what(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "backpack", "/") as client:
            client.send(self.ask("rates.BTC_USDC_PERP", "bookTicker.BTC_USDC_PERP"))
            assert client.document() == {
                "id": None,
                "error": {"code": 4006, "message": "Invalid stream"},
            }
            assert client.document()["data"]["e"] == "bookTicker"
            client.send("{")
            assert client.document()["error"]["code"] == 4002

    def test_an_end_of_a_subscription_is_silent(self, streaming: RunningSandbox) -> None:
        with listening(streaming, "backpack", "/") as client:
            client.send(self.ask("bookTicker.BTC_USDC_PERP"))
            client.document()
            client.send(self.ask("bookTicker.BTC_USDC_PERP", method="UNSUBSCRIBE"))
            client.send("{")
            assert client.document()["error"]["code"] == 4002

    def test_a_refused_subscription_is_as_silent_as_a_confirmed_one(
        self, streaming: RunningSandbox
    ) -> None:
        refused = "bookTicker.BTC_USDC_PERP"
        streaming.inject(Stream(action="refuse", venue="backpack", path=f"/#{refused}", count=1))
        with listening(streaming, "backpack", "/") as client:
            client.send(self.ask(refused, "bookTicker.ETH_USDC_PERP"))
            assert client.document()["stream"] == "bookTicker.ETH_USDC_PERP"
