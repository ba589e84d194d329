"""GRVT: percent, nanoseconds, empty sides of 0.0, and what is not confirmed is refused."""

import json
from typing import Any

import pytest

from funding_platform.venues.errors import (
    ContractError,
    RequestError,
    ServerError,
    UnknownSymbolError,
)
from funding_platform.venues.streams.contract import NOTHING, Frame, Reader
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES
from funding_platform_tests.venues.streams.chains import only, reader_of, stream_of

BTC, ETH = "BTC_USDT_Perp", "ETH_USDT_Perp"


def ticker(**changes: Any) -> str:
    feed = {
        "event_time": "1767199535382794823",
        "instrument": BTC,
        "mark_price": "100",
        "index_price": "101",
        "best_bid_price": "99.5",
        "best_ask_price": "100.5",
        "funding_rate": "0.57",
        "buy_volume_24h_q": "300",
        "sell_volume_24h_q": "400",
        "open_interest": "3",
        "funding_interval_hours": 4,
        "next_funding_time": "1767211200000000000",
    } | changes
    return json.dumps({"stream": "v1.ticker.s", "selector": f"{BTC}@1000", "feed": feed})


@pytest.fixture
def read() -> Reader:
    return reader_of("grvt", [BTC, ETH])


def test_a_ticker_is_in_percent_and_nanoseconds(read: Reader) -> None:
    update = only(read(ticker()).updates)
    assert (update.predicted_rate, update.interval_hours) == (0.0057, 4.0)
    assert (update.next_funding_ms, update.event_ms) == (1767211200000, 1767199535382)
    assert (update.open_interest_base, update.open_interest_usd) == (3.0, 300.0)
    assert (update.volume_24h_usd, update.mark_price) == (700.0, 100.0)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the recorded frames are not on this machine")
def test_the_recorded_ticker(read: Reader) -> None:
    update = only(read((FIXTURES / "grvt/ws-v1.ticker.s.json").read_text()).updates)
    assert (update.venue_symbol, update.predicted_rate) == (BTC, 0.0001)
    assert (update.interval_hours, update.next_funding_ms) == (8.0, 1767225600000)
    assert (update.best_bid, update.best_ask) == (87474.3, 87474.4)
    assert update.volume_24h_usd == pytest.approx(275739265.1558 + 282773286.2658)


@pytest.mark.parametrize("hours", [0, None], ids=["zero", "left out"])
def test_an_interval_that_is_not_told_is_the_listed_one(read: Reader, hours: int | None) -> None:
    text = ticker(funding_interval_hours=hours)
    text = text.replace(', "funding_interval_hours": null', "")
    assert only(read(text).updates).interval_hours == 8.0


@pytest.mark.parametrize("price", ["0.0", "0", "", None])
def test_an_empty_side_is_none(read: Reader, price: str | None) -> None:
    update = only(read(ticker(best_bid_price=price)).updates)
    assert (update.best_bid, update.best_ask) == (None, 100.5)


@pytest.mark.parametrize("field", ["funding_rate", "next_funding_time", "mark_price"])
def test_what_drives_money_cannot_be_renamed(read: Reader, field: str) -> None:
    text = ticker().replace(f'"{field}"', '"renamed"')
    with pytest.raises(ContractError) as raised:
        read(text)
    assert (raised.value.endpoint, raised.value.path) == ("v1.ticker.s", "$.feed")
    assert raised.value.payload


def confirmation(*subs: str, number: int = 1) -> str:
    result = {"stream": "v1.ticker.s", "subs": subs, "unsubs": [], "num_snapshots": [1]}
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": number, "method": "subscribe"})


def test_what_is_confirmed_is_compared_with_what_was_asked_for(read: Reader) -> None:
    assert read(confirmation(f"{BTC}@1000", f"{ETH}@1000")) == NOTHING
    refused = read(confirmation(f"{BTC}@1000")).refused
    assert isinstance(refused, UnknownSymbolError)
    assert f"{ETH}@1000" in str(refused)
    assert BTC not in str(refused)


def test_each_message_is_confirmed_by_its_number() -> None:
    symbols = [f"S{n}_USDT_Perp" for n in range(101)]
    stream = stream_of("grvt", symbols)
    [socket] = stream.sockets()
    assert [len(json.loads(sent)["params"]["selectors"]) for sent in socket.messages] == [100, 1]
    assert stream.reader(socket)(confirmation("S100_USDT_Perp@1000", number=2)) == NOTHING
    assert stream.reader(socket)(confirmation("S100_USDT_Perp@1000", number=1)).refused is not None


def test_more_than_a_socket_carries_takes_another() -> None:
    symbols = [f"S{n}_USDT_Perp" for n in range(401)]
    assert [len(socket.symbols) for socket in stream_of("grvt", symbols).sockets()] == [400, 1]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (
            {"error": {"code": 3000, "message": "Instrument is invalid"}, "id": 1},
            UnknownSymbolError,
        ),
        ({"error": {"code": 1003, "message": "malformed syntax"}, "id": 0}, RequestError),
        ({"code": 1002, "message": "Internal Server Error", "status": 500}, ServerError),
    ],
    ids=["unknown", "malformed", "nameless"],
)
def test_errors_are_refusals(
    read: Reader, error: dict[str, Any], kind: type[RequestError] | type[ServerError]
) -> None:
    frame: Frame = read(json.dumps(error))
    assert type(frame.refused) is kind
