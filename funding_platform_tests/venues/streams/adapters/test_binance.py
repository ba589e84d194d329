"""Binance and Aster: whole markets in parts, with rows of other markets among them."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.adapters.aster.stream import AsterStream
from funding_platform.venues.adapters.binance.stream import BinanceStream
from funding_platform.venues.errors import ContractError, RequestError
from funding_platform_tests.venues.streams.exchanges import listing, reader_of, stream_of

NOW, DUE = 1_790_373_638_000, 1_790_380_800_000


def mark(symbol: str = "BTCUSDT", **changes: Any) -> dict[str, Any]:
    row = {"e": "markPriceUpdate", "E": NOW, "s": symbol, "p": "100", "ap": "99", "P": "98",
           "i": "101", "r": "0.0001", "T": DUE, "st": 1}  # fmt: skip
    return row | changes


def marks(*rows: dict[str, Any]) -> str:
    return json.dumps({"stream": "!markPrice@arr@1s", "data": rows})


def test_a_mark_has_price_rate_and_payment() -> None:
    frame = reader_of("binance")(marks(mark()))
    [update] = frame.updates
    assert (frame.channel, update.venue_symbol) == ("!markPrice@arr@1s", "BTCUSDT")
    assert (update.predicted_rate, update.next_funding_ms, update.event_ms) == (0.0001, DUE, NOW)
    assert (update.mark_price, update.index_price) == (100.0, 101.0)
    assert (update.open_interest_base, update.interval_hours) == (UNSET, UNSET)


def test_an_envelope_in_another_order_is_the_same_frame() -> None:
    text = json.dumps({"data": [mark()], "stream": "!markPrice@arr@1s"})
    assert reader_of("binance")(text) == reader_of("binance")(marks(mark()))
    assert reader_of("binance")(marks(mark()).encode()) == reader_of("binance")(text)


def test_what_expires_and_what_is_of_coin_m_is_left_out() -> None:
    dated = mark("BTCUSDT_261225", r="0.00000000", T=0)
    delivery = mark("BTCUSD_261225", r="", T=0, st=2)
    coin = mark("BTCUSD_PERP", st=2)
    frame = reader_of("binance")(marks(dated, delivery, coin, mark()))
    assert [row.venue_symbol for row in frame.updates] == ["BTCUSDT"]
    assert not frame.unread
    listed = reader_of("binance", ["BTCUSD_PERP"])(marks(coin))
    assert [row.venue_symbol for row in listed.updates] == ["BTCUSD_PERP"]


def test_binance_tells_of_a_perpetual_that_is_not_listed_yet_and_aster_does_not() -> None:
    frame = marks(mark("NEWUSDT"), mark())
    told = {venue: reader_of(venue)(frame).updates for venue in ("binance", "aster")}
    assert [row.venue_symbol for row in told["binance"]] == ["NEWUSDT", "BTCUSDT"]
    assert [row.venue_symbol for row in told["aster"]] == ["BTCUSDT"]


@pytest.mark.parametrize("kind", [BinanceStream, AsterStream])
def test_what_does_not_trade_is_left_out_as_by_rest(kind: type[BinanceStream]) -> None:
    stream = kind([listing(kind.name, "OLDUSDT", status="SETTLING")])
    assert not stream.reader(stream.sockets()[0])(marks(mark("OLDUSDT"))).updates


def test_a_row_that_cannot_be_read_costs_itself() -> None:
    frame = reader_of("binance")(marks(mark(), mark("BADUSDT", p=None), mark("ETHUSDT")))
    assert [row.venue_symbol for row in frame.updates] == ["BTCUSDT", "ETHUSDT"]
    [error] = frame.unread
    assert isinstance(error, ContractError)
    assert "data[1].p" in str(error)


def test_a_renamed_field_breaks_the_contract_of_its_channel() -> None:
    rows = [mark(f"A{number}USDT") for number in range(9)]
    renamed = [{("rate" if key == "r" else key): row[key] for key in row} for row in rows]
    with pytest.raises(ContractError, match="missing required field `r`") as broken:
        reader_of("binance")(marks(*renamed))
    assert broken.value.endpoint == "!markPrice@arr@1s"
    assert broken.value.path == "$.data[0]"
    assert broken.value.payload


def test_turnover_counts_where_the_quote_is_a_dollar() -> None:
    stream = BinanceStream(
        [listing("binance", "BTCUSDT"), listing("binance", "ETHBTC", quote="BTC")]
    )
    rows = [
        {"e": "24hrTicker", "E": NOW, "s": name, "q": "7.5", "Q": "2", "v": "1"}
        for name in ("BTCUSDT", "ETHBTC", "BTCUSDT_261225")
    ]
    text = json.dumps({"stream": "!ticker@arr", "data": rows})
    frame = stream.reader(stream.sockets()[0])(text)
    assert [(row.venue_symbol, row.volume_24h_usd) for row in frame.updates] == [
        ("BTCUSDT", 7.5),
        ("ETHBTC", None),
    ]


def test_a_book_has_two_prices_whose_sizes_differ_only_in_case() -> None:
    data = {"e": "bookTicker", "u": 1, "s": "BTCUSDT", "b": "99", "B": "5", "a": "101", "A": "6",
            "T": NOW - 1, "E": NOW}  # fmt: skip
    read = reader_of("binance")
    [update] = read(json.dumps({"stream": "!bookTicker", "data": data})).updates
    assert (update.best_bid, update.best_ask, update.event_ms) == (99.0, 101.0, NOW)
    unlisted = json.dumps({"stream": "!bookTicker", "data": data | {"s": "BTCUSDT_261225"}})
    assert not read(unlisted).updates


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": 2, "msg": "Invalid request: request is not an object"},
        {"error": {"code": 2, "msg": "Invalid request: unknown property"}, "id": 1},
    ],
)
def test_both_forms_of_an_error_are_refusals(refusal: dict[str, Any]) -> None:
    refused = reader_of("binance")(json.dumps(refusal)).refused
    assert isinstance(refused, RequestError)
    assert "error 2: Invalid request" in str(refused)


def test_every_channel_has_a_socket_on_the_path_of_its_class() -> None:
    plan = [(one.path, *map(json.loads, one.messages)) for one in stream_of("binance").sockets()]
    assert [(path, asked["params"]) for path, asked in plan] == [
        ("/market/stream", ["!markPrice@arr@1s"]),
        ("/market/stream", ["!ticker@arr"]),
        ("/public/stream", ["!bookTicker"]),
    ]
    assert {one.path for one in stream_of("aster").sockets()} == {"/stream"}
