"""Bybit: what a message leaves out is as it was, and open interest counts both sides."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.adapters.bybit.stream import BybitStream
from funding_platform.venues.errors import ContractError, RequestError
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES
from funding_platform_tests.venues.adapters.test_bybit import bybit_ticker
from funding_platform_tests.venues.streams.exchanges import listing, reader_of, stream_of

NOW = 1_789_340_000_000


def message(kind: str, data: dict[str, Any], at_ms: int = NOW) -> str:
    topic = f"tickers.{data.get('symbol')}"
    return json.dumps({"topic": topic, "type": kind, "data": data, "cs": 1, "ts": at_ms})


def snapshot(symbol: str = "BTCUSDT", **changes: Any) -> str:
    return message("snapshot", {**bybit_ticker(symbol), **changes})


def delta(symbol: str = "BTCUSDT", **changes: Any) -> str:
    return message("delta", {"symbol": symbol, **changes}, NOW + 100)


def test_a_change_says_what_it_touches_and_leaves_the_rest_as_it_was() -> None:
    read = reader_of("bybit")
    [whole] = read(snapshot()).updates
    [changed] = read(delta(markPrice="50001", ask1Price="50002")).updates
    assert (whole.best_ask, changed.best_ask) == (None, 50_002.0)
    assert (changed.mark_price, changed.event_ms) == (50_001.0, NOW + 100)
    for name in ("predicted_rate", "next_funding_ms", "open_interest_base", "best_bid"):
        assert getattr(whole, name) is not None
        assert getattr(changed, name) is UNSET


def test_one_size_of_two_keeps_the_other() -> None:
    read = reader_of("bybit")
    read(snapshot(singleOpenInterest="7", singleOpenInterestValue="8"))
    [changed] = read(delta(singleOpenInterestValue="9")).updates
    assert (changed.open_interest_base, changed.open_interest_usd) == (7.0, 9.0)
    [both] = read(delta(openInterest="15")).updates
    assert (both.open_interest_base, both.open_interest_usd) == (7.0, 9.0)


def test_a_price_is_judged_by_the_other_one_whichever_changed() -> None:
    read = reader_of("bybit")
    read(snapshot())
    frame = read(delta(markPrice="5"))
    assert (frame.updates[0].mark_price, len(frame.unread)) == (None, 1)


def test_a_change_that_comes_late_says_nothing_of_what_came_before_it() -> None:
    read = reader_of("bybit")
    read(snapshot())
    later, earlier = (
        delta(bid1Price="2"),
        message("delta", {"symbol": "BTCUSDT", "fundingRate": "0"}, NOW + 50),
    )
    [bid], [rate] = read(later).updates, read(earlier).updates
    assert (bid.event_ms, bid.best_bid, bid.predicted_rate) == (NOW + 100, 2.0, UNSET)
    assert (rate.event_ms, rate.predicted_rate, rate.best_bid) == (NOW + 50, 0.0, UNSET)


def test_a_change_that_comes_late_leaves_what_has_changed_since() -> None:
    """Nothing of a later time is told to be as it was, whatever it is told beside."""
    read = reader_of("bybit")
    read(snapshot())
    first = {"symbol": "BTCUSDT", "markPrice": "50001", "indexPrice": "50001"}
    read(message("delta", {**first, "markPrice": "50003"}, NOW + 300))
    [late] = read(message("delta", {**first, "fundingRate": "0.0005"}, NOW + 200)).updates
    assert (late.predicted_rate, late.mark_price, late.index_price) == (0.0005, UNSET, UNSET)
    [index] = read(
        message("delta", {"symbol": "BTCUSDT", "indexPrice": "50004"}, NOW + 400)
    ).updates
    assert (index.mark_price, index.index_price, index.event_ms) == (50_003.0, 50_004.0, NOW + 400)


def test_a_late_change_is_told_where_its_value_was_told_again_since() -> None:
    """A mark is told with every index; the change that overtook it must not shut it out."""
    read = reader_of("bybit")
    read(snapshot())
    read(message("delta", {"symbol": "BTCUSDT", "indexPrice": "50004"}, NOW + 400))
    [mark] = read(message("delta", {"symbol": "BTCUSDT", "markPrice": "50001"}, NOW + 300)).updates
    assert (mark.mark_price, mark.index_price, mark.event_ms) == (50_001.0, 50_004.0, NOW + 400)


def test_zero_and_blank_are_changes() -> None:
    read = reader_of("bybit")
    read(snapshot())
    [changed] = read(delta(fundingRate="0", bid1Price="")).updates
    assert (changed.predicted_rate, changed.best_bid) == (0.0, None)


def test_a_change_before_the_whole_says_nothing_and_does_not_stay() -> None:
    read = reader_of("bybit")
    assert not read(delta(markPrice="1")).updates
    [update] = read(snapshot()).updates
    assert update.mark_price == 50_000.0


def test_what_was_known_ends_with_the_connection() -> None:
    stream = stream_of("bybit")
    [socket] = stream.sockets()
    stream.reader(socket)(snapshot())
    assert not stream.reader(socket)(delta(markPrice="1")).updates


def test_one_side_is_counted_of_linear_and_inverse_contracts() -> None:
    [linear] = reader_of("bybit")(snapshot()).updates
    assert (linear.open_interest_base, linear.open_interest_usd) == (1e6, 20.0)
    [inverse] = reader_of("bybit", ["BTCUSD"])(snapshot("BTCUSD")).updates
    assert (inverse.open_interest_base, inverse.open_interest_usd) == (20.0, 1e6)
    assert (linear.volume_24h_usd, inverse.volume_24h_usd) == (60.0, 3e6)
    single = {"singleOpenInterest": "7", "singleOpenInterestValue": "8"}
    [stated] = reader_of("bybit")(snapshot(**single)).updates
    assert (stated.open_interest_base, stated.open_interest_usd) == (7.0, 8.0)


def test_what_is_not_listed_is_left_out_before_it_is_read() -> None:
    assert not reader_of("bybit")(message("snapshot", {"symbol": "BTCUSDU23"})).updates
    if FIXTURES.is_dir():
        dated = FIXTURES / "bybit" / "ws-tickers-BTCUSDU23-dated-2023.json"
        assert not reader_of("bybit")(dated.read_text()).updates


@pytest.mark.parametrize("broken", ["fundingRate", "nextFundingTime", "markPrice"])
def test_a_field_that_drives_money_is_not_missed_silently(broken: str) -> None:
    data = {key: value for key, value in bybit_ticker("BTCUSDT").items() if key != broken}
    with pytest.raises(ContractError, match=f"`{broken}`") as missing:
        reader_of("bybit")(message("snapshot", data))
    assert (missing.value.venue, missing.value.endpoint) == ("bybit", "tickers")
    read = reader_of("bybit")
    read(snapshot())
    with pytest.raises(ContractError, match=rf"\$\.data\.{broken}"):
        read(message("delta", {"symbol": "BTCUSDT", broken: None}))


def test_a_request_is_refused_as_a_whole() -> None:
    said = {"success": False, "ret_msg": "args size >10", "conn_id": "x", "op": "subscribe"}
    refused = reader_of("bybit")(json.dumps(said)).refused
    assert isinstance(refused, RequestError)
    assert "args size >10" in str(refused)


def test_the_categories_have_sockets_of_their_own_and_no_more_topics_than_fit() -> None:
    symbols = [f"A{number}USDT" for number in range(1_500)]
    stream = BybitStream([listing("bybit", name) for name in (*symbols, "BTCUSD")])
    sockets = stream.sockets()
    assert [socket.path.rpartition("/")[2] for socket in sockets] == [*["linear"] * 3, "inverse"]
    assert [name for socket in sockets for name in socket.symbols] == [*symbols, "BTCUSD"]
    for socket in sockets:
        args = [arg for text in socket.messages for arg in json.loads(text)["args"]]
        assert args == [f"tickers.{name}" for name in socket.symbols]
        assert len(json.dumps(args)) < 21_000


def test_only_what_trades_is_subscribed_to() -> None:
    new = listing("bybit", "NEWUSDT", status="PreLaunch")
    assert BybitStream([new]).sockets() == []
