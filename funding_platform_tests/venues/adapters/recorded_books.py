"""The cases of ``fixtures/INDEX-books.json``: recorded order books and what they stand for.

Frames of streams, and the one body of another call, are kept because they walk further: they are
spelled here as the call that the adapters make would have answered.
"""

import json
from collections.abc import Callable
from typing import Any

from funding_platform.venues.parsing.records import Listing
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES

Case = dict[str, Any]


def book_cases() -> list[Case]:
    """All of them; none without the recordings."""
    if not FIXTURES.is_dir():
        return []
    return list(json.loads((FIXTURES / "INDEX-books.json").read_text())["cases"])


def _lighter_stream(frame: Any) -> Any:
    def side(rows: Any) -> Any:
        return [{"price": row["price"], "remaining_base_amount": row["size"]} for row in rows]

    book = frame["order_book"]
    return {"code": 200, "bids": side(book["bids"]), "asks": side(book["asks"])}


def _extended_stream(frame: Any) -> Any:
    def side(rows: Any) -> Any:
        return [{"qty": row["q"], "price": row["p"]} for row in rows]

    data = frame["data"]
    book = {"market": data["m"], "bid": side(data["b"]), "ask": side(data["a"])}
    return {"status": "OK", "data": book}


def _paradex_top(answer: Any) -> Any:
    return {
        **answer,
        "bids": [[answer["bid"], answer["bid_size"]]],
        "asks": [[answer["ask"], answer["ask_size"]]],
    }


def _edgex_element(element: Any) -> Any:
    return {"code": "SUCCESS", "data": [element]}


_RESPELLED: dict[str, Callable[[Any], Any]] = {
    "lighter/ws-book-BTC-top60.json": _lighter_stream,
    "extended/ws-book-BTC-USD-top60.json": _extended_stream,
    "extended/ws-book-BTC-USD-depth1.json": _extended_stream,
    "paradex/book-bbo-BTC-USD-PERP.json": _paradex_top,
    "edgex/book-30000020-element.json": _edgex_element,
}
STREAMED = {file for file in _RESPELLED if "/ws-" in file}
"""Files whose time is that of a stream, which the call does not tell."""


def body(case: Case) -> bytes:
    """The answer, in the shape of the call."""
    recorded: bytes = (FIXTURES / case["file"]).read_bytes()
    respell = _RESPELLED.get(case["file"])
    return json.dumps(respell(json.loads(recorded))).encode() if respell else recorded


def listing(case: Case) -> Listing:
    """What the venue lists of the perpetual that a case is of."""
    expected = case["expected_normalised"]
    known = expected[0] if expected else {}
    asked = {**case.get("query", {}), **case.get("body", {})}
    symbol = known.get("native_symbol") or asked.get("coin") or asked["symbol"]
    inverse = case["venue"] == "deribit" or known.get("contract_type") == "inverse"
    return Listing(
        venue_symbol=symbol,
        base="BTC",
        quote="USD",
        settle="USD",
        contract_type="inverse" if inverse else "linear",
        status="active",
        contract_size=float(known.get("contract_value", 1)),
        venue_id=asked.get("contractId", "0"),
    )
