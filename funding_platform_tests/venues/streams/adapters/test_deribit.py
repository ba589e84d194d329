"""Deribit: a heartbeat to answer, channels that are left out silently, and two kinds of sizes."""

import json
from typing import Any

import pytest

from funding_platform.venues.errors import ContractError, RequestError, UnknownSymbolError
from funding_platform_tests.venues.streams.exchanges import reader_of, stream_of

NOW = 1_790_133_840_887
BTC, LINEAR = "BTC-PERPETUAL", "BTC_USDC-PERPETUAL"


def ticker(symbol: str = BTC, **changes: Any) -> str:
    row = {"timestamp": NOW, "instrument_name": symbol, "mark_price": 50_000.0,
           "index_price": 50_010.0, "open_interest": 1_000_000.0, "funding_8h": 1.5e-5,
           "current_funding": 0.0, "best_bid_price": 49_999.5, "best_ask_price": 50_000.5,
           "stats": {"volume_usd": 9.0}}  # fmt: skip
    channel = f"ticker.{symbol}.100ms"
    params = {"channel": channel, "data": row | changes}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})


def test_dollars_are_held_of_inverse_contracts_and_coins_of_linear_ones() -> None:
    [inverse] = reader_of("deribit")(ticker()).updates
    assert (inverse.open_interest_base, inverse.open_interest_usd) == (20.0, 1e6)
    [linear] = reader_of("deribit", [LINEAR])(ticker(LINEAR, open_interest=4)).updates
    assert (linear.open_interest_base, linear.open_interest_usd) == (4.0, 200_000.0)


def test_the_rate_is_of_eight_hours_and_nothing_is_due() -> None:
    [update] = reader_of("deribit")(ticker()).updates
    assert (update.predicted_rate, update.interval_hours) == (1.5e-5, 8.0)
    assert not isinstance(update.next_funding_ms, int)
    assert (update.volume_24h_usd, update.event_ms) == (9.0, NOW)
    assert (update.best_bid, update.best_ask, update.index_price) == (
        49_999.5,
        50_000.5,
        50_010.0,
    )


def test_a_test_request_is_answered_and_a_plain_heartbeat_is_not() -> None:
    read = reader_of("deribit")

    def beat(kind: str) -> str | None:
        return read(json.dumps({"method": "heartbeat", "params": {"type": kind}})).answer

    answer = beat("test_request")
    assert answer is not None
    assert json.loads(answer)["method"] == "public/test"
    assert beat("heartbeat") is None


def test_channels_that_are_missing_from_the_result_are_refused() -> None:
    read = reader_of("deribit", [BTC, LINEAR])
    both = [f"ticker.{symbol}.100ms" for symbol in (LINEAR, BTC)]
    assert read(json.dumps({"id": 1, "result": both})).refused is None
    refused = read(json.dumps({"id": 1, "result": both[:1]})).refused
    assert isinstance(refused, UnknownSymbolError)
    assert f"ticker.{BTC}.100ms" in str(refused)
    assert LINEAR not in str(refused)
    assert read(json.dumps({"id": 0, "result": "ok"})).refused is None


def test_an_error_is_a_refusal() -> None:
    error = {"code": 13778, "message": "raw_subscriptions_not_available_for_unauthorized"}
    refused = reader_of("deribit")(json.dumps({"id": 1, "error": error})).refused
    assert isinstance(refused, RequestError)
    assert "13778" in str(refused)


@pytest.mark.parametrize("field", ["funding_8h", "mark_price", "timestamp"])
def test_a_field_that_is_gone_breaks_the_contract(field: str) -> None:
    text = ticker().replace(f'"{field}"', f'"{field}_of_old"')
    with pytest.raises(ContractError, match=field) as broken:
        reader_of("deribit")(text)
    assert (broken.value.endpoint, broken.value.path) == ("ticker", "$.params.data")


def test_the_heartbeat_is_asked_for_before_anything_else() -> None:
    [socket] = stream_of("deribit").sockets()
    first, second = map(json.loads, socket.messages)
    assert (first["method"], second["method"]) == ("public/set_heartbeat", "public/subscribe")
    assert second["params"]["channels"] == [f"ticker.{BTC}.100ms"]
