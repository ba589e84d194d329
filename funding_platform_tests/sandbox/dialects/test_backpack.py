"""Backpack: nothing is acknowledged, and an error does not say of what it is."""

from typing import Any

from funding_platform.sandbox.faults import Stream
from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.sandbox.dialects.hearing import NOW_MS
from funding_platform_tests.sandbox.listening import listening


def ask(*names: str, method: str = "SUBSCRIBE") -> dict[str, Any]:
    return {"method": method, "params": names}


def test_nothing_is_acknowledged_and_marks_come_though_nothing_changes(
    streaming: RunningSandbox,
) -> None:
    with listening(streaming, "backpack", "/") as client:
        client.send(ask("markPrice.BTC_USDC_PERP", "markPrice.NO_USDC_PERP"))
        said = [client.document() for _ in range(3)]
    assert {message["stream"] for message in said} == {"markPrice.BTC_USDC_PERP"}
    assert said[0]["data"]["E"] == said[0]["data"]["T"] + 1 > NOW_MS * 1_000


def test_an_error_does_not_say_of_what(streaming: RunningSandbox) -> None:
    with listening(streaming, "backpack", "/") as client:
        client.send(ask("rates.BTC_USDC_PERP", "bookTicker.BTC_USDC_PERP"))
        assert client.document() == {
            "id": None,
            "error": {"code": 4006, "message": "Invalid stream"},
        }
        assert client.document()["data"]["e"] == "bookTicker"
        client.send("{")
        assert client.document()["error"]["code"] == 4002


def test_an_end_of_a_subscription_is_silent(streaming: RunningSandbox) -> None:
    with listening(streaming, "backpack", "/") as client:
        client.send(ask("bookTicker.BTC_USDC_PERP"))
        client.document()
        client.send(ask("bookTicker.BTC_USDC_PERP", method="UNSUBSCRIBE"))
        client.send("{")
        assert client.document()["error"]["code"] == 4002


def test_a_refused_subscription_is_as_silent_as_a_confirmed_one(streaming: RunningSandbox) -> None:
    refused = "bookTicker.BTC_USDC_PERP"
    streaming.inject(Stream(action="refuse", venue="backpack", path=f"/#{refused}", count=1))
    with listening(streaming, "backpack", "/") as client:
        client.send(ask(refused, "bookTicker.ETH_USDC_PERP"))
        assert client.document()["stream"] == "bookTicker.ETH_USDC_PERP"
