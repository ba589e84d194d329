"""Lighter: percent per hour, dollars held, a payment that is past, and errors without a name."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.errors import (
    ContractError,
    RateLimitedError,
    RequestError,
    UndecodableError,
)
from funding_platform.venues.streams.contract import NOTHING, Frame
from funding_platform_tests.venues.streams.chains import STREAMS, listing, only, reader_of

NOON = 1_790_769_600_000
HOUR = 3_600_000


def stats(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTC",
        "market_id": 1,
        "index_price": "100.5",
        "mark_price": "100",
        "open_interest": "5000",
        "current_funding_rate": "0.0012",
        "funding_rate": "0.0008",
        "funding_timestamp": NOON - HOUR + 2,
        "daily_quote_token_volume": 7.5,
    } | changes


def message(markets: Any, channel: str = "market_stats:all", **changes: Any) -> str:
    kind = {"type": "update/market_stats", "channel": channel, "timestamp": NOON - 1}
    return json.dumps(kind | {"market_stats": markets} | changes)


def read(text: str) -> Frame:
    return reader_of("lighter")(text)


def test_rates_are_percent_per_hour_and_what_is_held_is_in_dollars() -> None:
    update = only(read(message({"1": stats()})).updates)
    assert update.predicted_rate == 0.000012
    assert (update.open_interest_usd, update.open_interest_base) == (5000.0, 50.0)
    assert (update.volume_24h_usd, update.event_ms) == (7.5, NOON - 1)
    assert (update.best_bid, update.interval_hours) == (UNSET, UNSET)


@pytest.mark.parametrize(("at", "due"), [(NOON - 1, NOON), (NOON, NOON + HOUR)])
def test_the_next_payment_is_at_the_next_full_hour(at: int, due: int) -> None:
    # Also in the minute in which the last payment is not yet told.
    update = only(read(message({"1": stats()}, timestamp=at)).updates)
    assert update.next_funding_ms == due


def test_one_market_comes_as_itself_and_all_by_their_ids() -> None:
    alone = read(message(stats(), channel="market_stats:1"))
    assert alone.updates == read(message({"1": stats()})).updates


def test_a_frame_holds_what_changed_and_may_hold_nothing() -> None:
    frame = read(message({}))
    assert (frame.updates, frame.channel) == ([], "market_stats")


def test_a_market_that_halted_is_left_out_and_one_that_is_new_is_not() -> None:
    stream = STREAMS["lighter"]([listing("lighter", "OLD", status="inactive")])
    markets = {str(n): stats(symbol=name) for n, name in enumerate(("OLD", "NEW"))}
    frame = stream.reader(stream.sockets()[0])(message(markets))
    assert [row.venue_symbol for row in frame.updates] == ["NEW"]


def test_spot_markets_among_all_are_left_out() -> None:
    frame = read(message({"1": stats(), "2053": stats(symbol="SKY/USDC", market_id=2053)}))
    assert [row.venue_symbol for row in frame.updates] == ["BTC"]


@pytest.mark.parametrize(
    ("renamed", "value"),
    [("current_funding_rate", None), ("current_funding_rate", "NaN"), ("mark_price", None)],
)
def test_one_bad_market_costs_itself_and_most_of_them_the_frame(
    renamed: str, value: str | None
) -> None:
    markets = {str(n): stats(symbol=f"S{n}") for n in range(4)}
    markets["2"][renamed] = value
    frame = read(message(markets))
    assert [row.venue_symbol for row in frame.updates] == ["S0", "S1", "S3"]
    [error] = frame.unread
    assert isinstance(error, ContractError)
    assert "S2" in str(error)
    for row in markets.values():
        row[renamed] = value
    with pytest.raises(ContractError) as raised:
        read(message(markets))
    assert (raised.value.venue, raised.value.endpoint) == ("lighter", "market_stats")
    assert raised.value.path == f"$.market_stats[...].{renamed}"
    assert raised.value.payload


def test_a_mark_far_from_its_index_is_unknown() -> None:
    frame = read(message({"1": stats(mark_price="100000")}))
    assert only(frame.updates).mark_price is None
    assert len(frame.unread) == 1


def test_a_ping_is_answered_and_greetings_say_nothing() -> None:
    assert read('{"type":"ping"}') == Frame(answer='{"type":"pong"}')
    for said in ('{"session_id":"a","type":"connected"}', '{"type":"pong"}'):
        assert read(said) == NOTHING


@pytest.mark.parametrize(("code", "kind"), [(30005, RequestError), (30009, RateLimitedError)])
def test_what_is_declined_is_refused(code: int, kind: type[RequestError]) -> None:
    frame = read(json.dumps({"error": {"code": code, "message": "Invalid Channel:  (marketId)"}}))
    assert type(frame.refused) is kind
    assert str(code) in str(frame.refused)


def test_a_second_subscription_brings_no_snapshot_so_that_we_start_anew() -> None:
    declined = {"error": {"code": 30003, "message": "Already Subscribed to : market_stats:all"}}
    assert read(json.dumps(declined)) == Frame(restart=True)


def test_a_message_of_an_unknown_kind_is_named() -> None:
    [error] = read('{"type":"update/other"}').unread
    assert error.payload == '{"type":"update/other"}'


def test_what_is_no_json_is_undecodable() -> None:
    with pytest.raises(UndecodableError):
        read(message({"1": stats()})[:-9])


def test_it_takes_one_subscription_and_pings_twice_a_minute() -> None:
    stream = STREAMS["lighter"](
        [listing("lighter", "BTC"), listing("lighter", "X", status="frozen")]
    )
    [socket] = stream.sockets()
    assert socket.symbols == ("BTC",)
    assert json.loads(socket.messages[0]) == {"type": "subscribe", "channel": "market_stats/all"}
    assert stream.spec.heartbeat is not None
    assert stream.spec.heartbeat.every.total_seconds() == 30
