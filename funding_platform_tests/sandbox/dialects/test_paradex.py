"""Paradex: JSON-RPC, and options among perpetuals."""

from typing import Any

import pytest

from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.sandbox.listening import listening


def ask(channel: str = "markets_summary", method: str = "subscribe") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"channel": channel}}


def test_perpetuals_come_one_by_one_and_options_among_them(streaming: RunningSandbox) -> None:
    with listening(streaming, "paradex", "/v1") as client:
        client.send(ask())
        acknowledged = client.document()
        assert (acknowledged["id"], acknowledged["result"]) == (
            7,
            {"channel": "markets_summary"},
        )
        rows = [client.document()["params"]["data"] for _ in range(200)]
    options = [row for row in rows if not row["symbol"].endswith("-PERP")]
    assert {row["funding_rate"] for row in options} == {""}
    assert len(rows) > len(options) > 0


@pytest.mark.parametrize("channel", ["markets_sumary", "funding_data.NO-USD-PERP"])
def test_an_unknown_channel_is_an_error(streaming: RunningSandbox, channel: str) -> None:
    with listening(streaming, "paradex", "/v1") as client:
        client.send(ask(channel))
        assert client.document()["error"]["data"] == "invalid channel"


def test_the_same_channel_twice_is_an_error(streaming: RunningSandbox) -> None:
    with listening(streaming, "paradex", "/v1") as client:
        client.send(ask())
        client.send(ask())
        errors = (said for said in iter(client.document, None) if "error" in said)
        assert next(errors)["error"]["code"] == -32600


@pytest.mark.parametrize("message", ["{", "[]", '{"id":1,"method":"rob"}'])
def test_what_is_no_call_is_an_error(streaming: RunningSandbox, message: str) -> None:
    with listening(streaming, "paradex", "/v1") as client:
        client.send(message)
        assert client.document()["error"]["code"] < -32000
