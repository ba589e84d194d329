"""GRVT: what is not known is missing in the answer, and another rate replaces the first."""

from typing import Any

import pytest

from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.sandbox.listening import listening

BTC, ETH = "BTC_USDT_Perp", "ETH_USDT_Perp"


def ask(*selectors: str, method: str = "subscribe") -> dict[str, Any]:
    params = {"stream": "v1.ticker.s", "selectors": selectors}
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": 3}


def test_what_is_not_known_is_missing_in_the_answer(streaming: RunningSandbox) -> None:
    with listening(streaming, "grvt", "/ws/full") as client:
        client.send(ask(f"{BTC}@500", "NO_USDT_Perp@500", f"{ETH}@7"))
        answer = client.document()
        assert (answer["id"], answer["result"]["subs"]) == (3, [f"{BTC}@500"])
        ticker = client.document()
        assert (ticker["selector"], ticker["feed"]["instrument"]) == (f"{BTC}@500", BTC)


def test_nothing_known_at_all_is_an_error(streaming: RunningSandbox) -> None:
    with listening(streaming, "grvt", "/ws/full") as client:
        client.send(ask("NO_USDT_Perp@500"))
        assert client.document()["error"]["code"] == 3000


def test_another_rate_replaces_the_first(streaming: RunningSandbox) -> None:
    with listening(streaming, "grvt", "/ws/full") as client:
        client.send(ask(f"{BTC}@500"))
        client.send(ask(f"{BTC}@1000"))
        replaced = (said for said in iter(client.document, None) if "result" in said)
        next(replaced)
        assert next(replaced)["result"]["unsubs"] == [f"{BTC}@500"]
        assert {client.document()["selector"] for _ in range(3)} == {f"{BTC}@1000"}


def test_numbers_grow_by_one(streaming: RunningSandbox) -> None:
    with listening(streaming, "grvt", "/ws/full") as client:
        client.send(ask(f"{BTC}@500"))
        client.document()
        said = [client.document() for _ in range(3)]
    assert [int(message["sequence_number"]) for message in said] == [1, 2, 3]
    assert [int(message["prev_sequence_number"]) for message in said] == [0, 1, 2]


@pytest.mark.parametrize(
    ("message", "code"), [("{", 1003), ('{"id":1,"method":"rob","params":{}}', 1200)]
)
def test_what_is_no_call_is_an_error(streaming: RunningSandbox, message: str, code: int) -> None:
    with listening(streaming, "grvt", "/ws/full") as client:
        client.send(message)
        assert client.document()["error"]["code"] == code
