"""Paradex: options beside perpetuals, empty texts, and no next payment."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.errors import ContractError, RequestError
from funding_platform.venues.streams.contract import NOTHING, Frame
from funding_platform_tests.venues.streams.chains import only, reader_of, stream_of

TIME = 1_788_488_806_060


def summary(**changes: Any) -> str:
    data = {
        "symbol": "BTC-USD-PERP",
        "mark_price": "100",
        "underlying_price": "101",
        "funding_rate": "0.00008",
        "open_interest": "3",
        "volume_24h": "700",
        "bid": "99.5",
        "ask": "100.5",
        "created_at": TIME,
    } | changes
    params = {"channel": "markets_summary", "data": data}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})


def read(text: str) -> Frame:
    return reader_of("paradex", ["BTC-USD-PERP"])(text)


def test_a_summary_says_everything_but_when_it_is_paid() -> None:
    update = only(read(summary()).updates)
    assert (update.predicted_rate, update.event_ms) == (0.00008, TIME)
    assert (update.mark_price, update.index_price) == (100.0, 101.0)
    assert (update.open_interest_base, update.open_interest_usd) == (3.0, 300.0)
    assert (update.volume_24h_usd, update.best_bid, update.best_ask) == (700.0, 99.5, 100.5)
    assert (update.interval_hours, update.next_funding_ms) == (UNSET, UNSET)


def test_an_empty_text_is_none_and_zero_is_zero() -> None:
    update = only(read(summary(funding_rate="", bid="", ask="", open_interest="0")).updates)
    assert (update.predicted_rate, update.best_bid, update.best_ask) == (None, None, None)
    assert (update.open_interest_base, update.open_interest_usd) == (0.0, 0.0)


def test_an_option_says_nothing() -> None:
    assert read(summary(symbol="SOL-USD-18SEP26-74-C", funding_rate="")) == NOTHING


@pytest.mark.parametrize("field", ["funding_rate", "mark_price"])
@pytest.mark.parametrize("spoil", [{}, {"value": None}, {"value": "NaN"}], ids=str)
def test_what_drives_money_is_there_and_a_number(field: str, spoil: dict[str, Any]) -> None:
    text = summary(**{field: spoil["value"]}) if spoil else summary().replace(field, "renamed")
    with pytest.raises(ContractError) as raised:
        read(text)
    assert (raised.value.venue, raised.value.endpoint) == ("paradex", "markets_summary")
    assert (raised.value.path or "").startswith("$.params.data")
    assert raised.value.payload


def test_a_rate_beyond_all_bounds_is_unknown() -> None:
    frame = read(summary(funding_rate="7.4"))
    assert only(frame.updates).predicted_rate is None
    assert "predicted_rate" in str(frame.unread[0])


def test_the_subscription_is_confirmed_or_refused() -> None:
    confirmed = {"jsonrpc": "2.0", "id": 1, "result": {"channel": "markets_summary"}}
    assert read(json.dumps(confirmed)) == NOTHING
    error = {"code": -32600, "message": "invalid subscribe request", "data": "invalid channel"}
    refused = read(json.dumps({"jsonrpc": "2.0", "id": 1, "error": error})).refused
    assert isinstance(refused, RequestError)
    assert "invalid subscribe request" in str(refused)


def test_one_subscription_brings_all_and_each_has_to_speak() -> None:
    stream = stream_of("paradex", ["BTC-USD-PERP", "ETH-USD-PERP"])
    [socket] = stream.sockets()
    assert json.loads(socket.messages[0])["params"] == {"channel": "markets_summary"}
    assert socket.symbols == ("BTC-USD-PERP", "ETH-USD-PERP")
    assert [channel.of_each for channel in stream.spec.channels] == [True]
