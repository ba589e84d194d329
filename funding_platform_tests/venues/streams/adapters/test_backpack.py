"""Backpack: no confirmation, microseconds beside milliseconds, names with dots."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.errors import ContractError, RequestError
from funding_platform.venues.streams.contract import Frame
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES
from funding_platform_tests.venues.streams.chains import only, reader_of, stream_of

STOCK, BTC = "AAPL.US_USDC_PERP", "BTC_USDC_PERP"
EVENT_US, EVENT_MS = 1_790_134_357_847_601, 1_790_134_357_847
DUE = 1_790_136_000_000

needs_recordings = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="the recorded frames are not on this machine"
)


def event(kind: str, symbol: str = BTC, **data: Any) -> str:
    said = {"e": kind, "s": symbol, "E": EVENT_US, "T": EVENT_US} | data
    return json.dumps({"data": said, "stream": f"{kind}.{symbol}"})


def mark(symbol: str = BTC, **changes: Any) -> str:
    data: dict[str, Any] = {"f": "0.00001", "i": "101", "n": DUE, "p": "100"}
    return event("markPrice", symbol, **(data | changes))


def read(text: str) -> Frame:
    return reader_of("backpack", [BTC])(text)


def test_a_mark_has_the_rate_and_two_units_of_time() -> None:
    frame = read(mark())
    update = only(frame.updates)
    assert frame.channel == "markPrice"
    assert (update.predicted_rate, update.next_funding_ms) == (0.00001, DUE)
    assert (update.mark_price, update.index_price) == (100.0, 101.0)
    assert update.event_ms == EVENT_MS
    assert (update.open_interest_base, update.best_bid) == (UNSET, UNSET)


@pytest.mark.parametrize("index", ["", None])
def test_an_index_may_be_missing(index: str | None) -> None:
    assert only(read(mark(i=index)).updates).index_price is None


def test_a_dot_in_a_name_ends_no_channel() -> None:
    frame = read(mark(symbol=STOCK))
    assert (frame.channel, only(frame.updates).venue_symbol) == ("markPrice", STOCK)


def test_what_is_held_is_in_base() -> None:
    frame = read(event("openInterest", o="12.5"))
    update = only(frame.updates)
    assert (frame.channel, update.open_interest_base) == ("openInterest", 12.5)
    assert update.open_interest_usd is UNSET


@pytest.mark.parametrize(("symbol", "volume"), [(BTC, 700.0), ("BTC_SOL_PERP", None)])
def test_turnover_counts_in_a_quote_that_is_a_dollar(symbol: str, volume: float | None) -> None:
    update = only(read(event("ticker", symbol, V="700", v="7", c="100")).updates)
    assert update.volume_24h_usd == volume


def test_quotes_are_not_sizes() -> None:
    update = only(read(event("bookTicker", b="99.5", B="7", a="100.5", A="8")).updates)
    assert (update.best_bid, update.best_ask) == (99.5, 100.5)


@pytest.mark.parametrize("price", ["", None, "0"])
def test_an_empty_side_is_none(price: str | None) -> None:
    assert only(read(event("bookTicker", b=price, a="100.5")).updates).best_bid is None


@needs_recordings
def test_the_recorded_mark() -> None:
    update = only(read((FIXTURES / "backpack/ws-markPrice.json").read_text()).updates)
    assert (update.venue_symbol, update.predicted_rate) == (STOCK, 0.00000625)
    assert (update.mark_price, update.index_price) == (340.43, 340.52)
    assert (update.next_funding_ms, update.event_ms) == (DUE, EVENT_MS)


@needs_recordings
def test_the_recorded_ticker() -> None:
    update = only(read((FIXTURES / "backpack/ws-ticker.json").read_text()).updates)
    assert update.volume_24h_usd == 154927125.41812


@pytest.mark.parametrize("field", ["f", "n", "p"])
@pytest.mark.parametrize("renamed", [True, False], ids=["renamed", "null"])
def test_what_drives_money_is_there(field: str, renamed: bool) -> None:
    spoilt: dict[str, Any] = {field: None}
    text = mark().replace(f'"{field}":', '"z":') if renamed else mark(**spoilt)
    with pytest.raises(ContractError) as raised:
        read(text)
    assert (raised.value.endpoint, raised.value.payload) == ("markPrice", text)
    assert (raised.value.path or "").startswith("$.data")


def test_a_payment_in_microseconds_is_no_time() -> None:
    with pytest.raises(ContractError) as raised:
        read(mark(n=DUE * 1000))
    assert raised.value.path == "$.data.n"


@pytest.mark.parametrize("code", [4002, 4006, 4008])
def test_an_error_does_not_say_what_it_declines(code: int) -> None:
    said = {"id": None, "error": {"code": code, "message": "Invalid stream"}}
    refused = read(json.dumps(said)).refused
    assert isinstance(refused, RequestError)
    assert str(code) in str(refused)


def test_an_unknown_channel_is_named() -> None:
    assert len(read(event("depth", a=[], b=[])).unread) == 1


def test_each_channel_has_sockets_of_its_own_and_comes_in_batches() -> None:
    symbols = [f"S{n}_USDC_PERP" for n in range(401)]
    sockets = stream_of("backpack", symbols).sockets()
    assert [len(socket.symbols) for socket in sockets] == [400, 1] * 4
    for socket in sockets:
        [channel] = socket.channels
        asked = [json.loads(message)["params"] for message in socket.messages]
        wanted = [f"{channel}.{symbol}" for symbol in socket.symbols]
        assert [name for names in asked for name in names] == wanted
        assert max(map(len, asked)) <= 80
