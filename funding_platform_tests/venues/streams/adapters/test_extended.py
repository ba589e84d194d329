"""Extended: sockets instead of subscriptions, numbered messages, and no rate at all."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.errors import ContractError
from funding_platform.venues.streams.contract import NOTHING, Frame
from funding_platform_tests.venues.streams.chains import (
    STREAMS,
    listing,
    only,
    reader_of,
    stream_of,
)

TIME = 1_790_586_555_172


def price(seq: int, value: str = "100.5", **changes: Any) -> str:
    data = {"m": "BTC-USD", "p": value, "ts": 0} | changes
    return json.dumps({"type": "MP", "data": data, "ts": TIME, "seq": seq})


def book(bids: list[Any], asks: list[Any], kind: str = "SNAPSHOT") -> str:
    data = {"t": kind, "m": "BTC-USD", "b": bids, "a": asks, "d": "1"}
    return json.dumps({"type": kind, "data": data, "ts": TIME, "seq": 1})


def test_each_channel_is_a_socket_and_nothing_is_sent() -> None:
    stream = stream_of("extended", ["BTC-USD"])
    assert [(s.path, s.messages) for s in stream.sockets()] == [
        ("/prices/mark", ()),
        ("/prices/index", ()),
        ("/orderbooks?depth=1", ()),
    ]
    assert stream.spec.headers["User-Agent"]


@pytest.mark.parametrize(("channel", "field"), [("mark", "mark_price"), ("index", "index_price")])
def test_a_price_is_what_its_socket_says_it_is(channel: str, field: str) -> None:
    update = only(reader_of("extended", channel=channel)(price(1)).updates)
    assert (update.venue_symbol, getattr(update, field)) == ("BTC-USD", 100.5)
    assert update.predicted_rate is UNSET


@pytest.mark.parametrize(("inner", "event"), [(0, TIME), (TIME - 5, TIME - 5)])
def test_the_inner_time_counts_unless_it_is_zero(inner: int, event: int) -> None:
    assert only(reader_of("extended", channel="mark")(price(1, ts=inner)).updates).event_ms == event


def test_a_missing_number_is_a_missed_message() -> None:
    read = reader_of("extended", channel="mark")
    assert [read(price(seq)).restart for seq in (1, 2, 4, 5)] == [False, False, True, False]


def test_the_first_message_may_be_missed_too() -> None:
    frame = reader_of("extended", channel="mark")(price(2))
    assert (frame.restart, only(frame.updates).mark_price) == (True, 100.5)


def test_what_came_already_says_nothing() -> None:
    read = reader_of("extended", channel="mark")
    read(price(4))
    assert (read(price(4, "99")), read(price(3, "98"))) == (NOTHING, NOTHING)


def test_a_market_that_halted_is_left_out_and_one_that_is_new_is_not() -> None:
    stream = STREAMS["extended"]([listing("extended", "BTC-USD", status="REDUCE_ONLY")])
    read = stream.reader(stream.sockets()[0])
    assert read(price(1)).updates == []
    assert only(read(price(2, m="NEW-USD")).updates).venue_symbol == "NEW-USD"


def test_numbers_begin_anew_with_a_connection() -> None:
    stream = stream_of("extended", ["BTC-USD"])
    socket = stream.sockets()[0]
    stream.reader(socket)(price(70))
    assert not stream.reader(socket)(price(1)).restart


def test_best_quotes_and_an_empty_side() -> None:
    read = reader_of("extended", channel="orderbooks")
    update = only(read(book([{"q": "4.1", "p": "99"}], [])).updates)
    assert (update.best_bid, update.best_ask) == (99.0, None)


def test_changes_of_a_book_are_not_taken_for_quotes() -> None:
    read = reader_of("extended", channel="orderbooks")
    with pytest.raises(ContractError) as raised:
        read(book([{"q": "-0.64", "p": "99", "c": "0"}], [], kind="DELTA"))
    assert raised.value.path == "$.data.t"


def test_a_renamed_price_breaks_the_contract() -> None:
    text = price(1).replace('"p"', '"price"')
    with pytest.raises(ContractError) as raised:
        reader_of("extended", channel="mark")(text)
    assert (raised.value.endpoint, raised.value.path) == ("mark", "$.data")
    assert raised.value.payload == text


def test_a_negative_price_is_unknown() -> None:
    frame: Frame = reader_of("extended", channel="mark")(price(1, "-1"))
    assert only(frame.updates).mark_price is None
    assert len(frame.unread) == 1
