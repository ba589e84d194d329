"""OKX: five channels, one of them by pair, and answers that are no JSON."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.venues.adapters.okx.stream import OkxStream
from funding_platform.venues.errors import (
    ContractError,
    RateLimitedError,
    RequestError,
    UnknownSymbolError,
)
from funding_platform_tests.venues.streams.exchanges import listing, reader_of, stream_of

SWAP, X_PERP = "BTC-USDT-SWAP", "BTC-USDT_UM_XPERP-310404"
NOW, DUE = 1_788_488_645_809, 1_788_508_800_000


def data(channel: str, row: dict[str, Any]) -> str:
    instrument = row.get("instId", "")
    return json.dumps({"arg": {"channel": channel, "instId": instrument}, "data": [row]})


def funding(**changes: Any) -> str:
    row = {"instType": "SWAP", "instId": SWAP, "fundingRate": "0.0001", "nextFundingRate": "",
           "fundingTime": str(DUE), "nextFundingTime": str(DUE + 8 * HOUR_MS),
           "ts": str(NOW)}  # fmt: skip
    return data("funding-rate", row | changes)


def test_the_payment_is_funding_time_and_the_one_after_gives_the_interval() -> None:
    frame = reader_of("okx")(funding())
    [update] = frame.updates
    assert (frame.channel, update.next_funding_ms, update.interval_hours) == (
        "funding-rate",
        DUE,
        8.0,
    )
    assert (update.predicted_rate, update.mark_price) == (0.0001, UNSET)


def test_each_channel_says_its_own() -> None:
    read = reader_of("okx")
    row = {"instId": SWAP, "instType": "SWAP", "ts": str(NOW)}
    [mark] = read(data("mark-price", {**row, "markPx": "100"})).updates
    assert (mark.mark_price, mark.event_ms, mark.predicted_rate) == (100.0, NOW, UNSET)
    held = {"oi": "500", "oiCcy": "5", "oiUsd": "501"}
    [interest] = read(data("open-interest", {**row, **held})).updates
    assert (interest.open_interest_base, interest.open_interest_usd) == (5.0, 501.0)
    ticker = {"last": "100", "bidPx": "99", "askPx": "", "volCcy24h": "3", "vol24h": "300"}
    [quotes] = read(data("tickers", {**row, **ticker})).updates
    assert (quotes.best_bid, quotes.best_ask, quotes.volume_24h_usd) == (99.0, None, 300.0)


def test_an_index_speaks_for_every_perpetual_of_its_pair() -> None:
    frame = reader_of("okx", [SWAP, X_PERP, "ETH-USDT-SWAP"])(
        data("index-tickers", {"instId": "BTC-USDT", "idxPx": "101", "ts": str(NOW)})
    )
    assert [(row.venue_symbol, row.index_price) for row in frame.updates] == [
        (SWAP, 101.0),
        (X_PERP, 101.0),
    ]


def test_a_pong_is_text_and_a_notice_comes_before_the_end() -> None:
    read = reader_of("okx")
    assert read("pong") == read(b"pong") == read(json.dumps({"event": "channel-conn-count"}))
    notice = {"event": "notice", "code": "64008", "msg": "The connection will soon be closed"}
    assert read(json.dumps(notice)).ends
    assert not read("pong").ends


@pytest.mark.parametrize(
    ("code", "kind"),
    [("60012", RequestError), ("60018", UnknownSymbolError), ("60014", RateLimitedError)],
)
def test_an_error_is_a_refusal(code: str, kind: type[Exception]) -> None:
    said = {"event": "error", "code": code, "msg": "Invalid request", "connId": "x"}
    refused = reader_of("okx")(json.dumps(said)).refused
    assert type(refused) is kind
    assert f"error {code}" in str(refused)


def test_a_renamed_rate_breaks_the_contract() -> None:
    row = {"instType": "SWAP", "instId": SWAP, "rate": "0.0001", "fundingTime": str(DUE),
           "nextFundingTime": str(DUE), "ts": str(NOW)}  # fmt: skip
    with pytest.raises(ContractError, match="fundingRate") as broken:
        reader_of("okx")(data("funding-rate", row))
    assert (broken.value.endpoint, broken.value.path) == ("funding-rate", "$.data[0]")


def test_subscriptions_go_many_at_once_and_a_pair_is_subscribed_to_once() -> None:
    symbols = [name for n in range(300) for name in (f"A{n}-USDT-SWAP", f"A{n}-USDC-SWAP")]
    stream = OkxStream([listing("okx", name) for name in (*symbols, SWAP, X_PERP)])
    wanted = []
    for socket in stream.sockets():
        args = [arg for text in socket.messages for arg in json.loads(text)["args"]]
        assert len(args) <= stream.spec.subscriptions
        assert all(len(text) < 64_000 for text in socket.messages)
        assert socket.channels == (args[0]["channel"],)
        wanted += [(arg["channel"], arg["instId"]) for arg in args]
    assert len(wanted) == len({*wanted}) == 4 * 602 + 601
    assert ("index-tickers", "BTC-USDT") in wanted
    speaking = [
        s for one in stream.sockets() if "index-tickers" in one.channels for s in one.symbols
    ]
    assert sorted(speaking) == sorted((*symbols, SWAP, X_PERP))


def test_the_heartbeat_is_text() -> None:
    heartbeat = stream_of("okx").spec.heartbeat
    assert heartbeat is not None
    assert heartbeat.message == "ping"
