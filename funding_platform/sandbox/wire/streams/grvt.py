"""GRVT: ``v1.ticker.s`` on ``/ws/full``, in JSON-RPC: tickers at a rate that the client chooses.

The acknowledgement names what was taken; what is missing in it is not known. Asking for an
instrument again at another rate replaces the first. An empty side of the book is ``0.0``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.streams.contract import (
    Channel,
    Delivery,
    Dialect,
    Heard,
    Row,
    Session,
    Topic,
    encode,
)
from funding_platform.sandbox.wire.venues.grvt import nanoseconds, ticker_row

_STREAM: Final = "v1.ticker.s"
_RATES: Final = ("500", "1000", "5000")
"""Milliseconds from one ticker to the next."""


def _rows(request: Request) -> Mapping[str, Row]:
    rows: dict[str, Row] = {}
    for symbol, quote in request.quotes.items():
        row = ticker_row(quote, 0)
        best = {name: row[name] or "0.0" for name in ("best_bid_price", "best_ask_price")}
        interval = {"funding_interval_hours": quote.interval_hours or 0}
        rows[symbol] = {**row, **best, **interval}
    return rows


def _frames(delivery: Delivery) -> Iterator[str]:
    last = delivery.session.memory
    for symbol, row in delivery.rows.items():
        before = last.get(symbol, 0)
        last[symbol] = before + 1
        yield encode(
            {
                "stream": _STREAM,
                "selector": delivery.topic.name,
                "sequence_number": str(before + 1),
                "feed": {**row, "event_time": nanoseconds(delivery.request.now_ms)},
                "prev_sequence_number": str(before),
            }
        )


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return _malformed()
    match said:
        case {
            "method": "subscribe",
            "id": number,
            "params": {"stream": str(stream), "selectors": [*names]},
        } if stream == _STREAM:
            return _subscribe([str(name) for name in names], number, session)
        case {"method": "unsubscribe", "id": number, "params": {"selectors": [*names]}}:
            gone = tuple(str(name) for name in names)
            result = {"stream": _STREAM, "unsubs": gone}
            return Heard(unsubscribe=gone, replies=(_result(number, "unsubscribe", result),))
        case {"method": str(method), "id": number}:
            return _error(number, method, 1200, "Method is not known")
    return _malformed()


def _subscribe(names: list[str], number: Any, session: Session) -> Heard:
    """Begin what is known of what is asked for."""
    quotes = session.look().quotes
    topics = []
    for name in names:
        symbol, _, rate = name.partition("@")
        if symbol in quotes and rate in _RATES and not session.declines(name):
            topics.append(Topic(name, f"{_STREAM}@{rate}", symbol))
    if not topics:
        return _error(number, "subscribe", 3000, "Instrument is invalid")
    began = {topic.key for topic in topics}
    replaced = tuple(name for name, topic in session.topics.items() if topic.key in began)
    result = {
        "stream": _STREAM,
        "subs": [topic.name for topic in topics],
        "unsubs": replaced,
        "num_snapshots": [1] * len(topics),
    }
    answer = _result(number, "subscribe", result)
    return Heard(unsubscribe=replaced, replies=(answer,), subscribe=tuple(topics))


def _result(number: Any, method: str, result: Mapping[str, Any]) -> str:
    return encode({"jsonrpc": "2.0", "result": result, "id": number, "method": method})


def _error(number: Any, method: str, code: int, message: str) -> Heard:
    error: dict[str, Any] = {"code": code, "message": message}
    return Heard(
        replies=(encode({"jsonrpc": "2.0", "error": error, "id": number, "method": method}),)
    )


def _malformed() -> Heard:
    return _error(0, "", 1003, "Request could not be processed due to malformed syntax")


DIALECT = Dialect(
    venue="grvt",
    paths=("/ws/full",),
    channels=tuple(
        Channel(
            f"{_STREAM}@{rate}",
            period_seconds=int(rate) / 1_000,
            rows=_rows,
            frames=_frames,
            repeats=True,
        )
        for rate in _RATES
    ),
    hear=_hear,
)
