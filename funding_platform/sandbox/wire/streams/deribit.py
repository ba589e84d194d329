"""Deribit: ``ticker.<instrument>.100ms`` on ``/ws/api/v2``, in JSON-RPC.

A channel that is not known is missing from the result, and nothing else tells. Who asked for a
heartbeat has to answer its test requests.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.streams.contract import (
    Beat,
    Channel,
    Delivery,
    Dialect,
    Heard,
    Patience,
    Row,
    Session,
    Topic,
    encode,
)
from funding_platform.sandbox.wire.venues.deribit import envelope, ticker_row

_TICKER: Final = "ticker"
_INTERVALS: Final = ("100ms", "agg2")
_SHORTEST_HEARTBEAT: Final = 10


def _rows(request: Request) -> Mapping[str, Row]:
    return {
        symbol: {name: value for name, value in ticker_row(quote, 0).items() if name != "timestamp"}
        for symbol, quote in request.quotes.items()
    }


def _frames(delivery: Delivery) -> Iterator[str]:
    for row in delivery.rows.values():
        data = {"timestamp": delivery.request.now_ms, **row}
        params = {"channel": delivery.topic.name, "data": data}
        yield encode({"jsonrpc": "2.0", "method": "subscription", "params": params})


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return _error(session, None, -32700, "Parse error")
    match said:
        case {"method": "public/set_heartbeat", "id": number, "params": {"interval": int(every)}}:
            if every < _SHORTEST_HEARTBEAT:
                return _error(session, number, -32602, "Invalid params")
            return Heard(replies=(_result(session, number, "ok"),), beat_seconds=every)
        case {"method": "public/test", "id": number}:
            return Heard(replies=(_result(session, number, {"version": "1.2.26"}),))
        case {"method": "public/subscribe", "id": number, "params": {"channels": [*names]}}:
            return _subscribe([str(name) for name in names], number, session)
        case {"method": "public/unsubscribe", "id": number, "params": {"channels": [*names]}}:
            gone = tuple(str(name) for name in names)
            return Heard(unsubscribe=gone, replies=(_result(session, number, gone),))
        case {"id": number}:
            return _error(session, number, -32601, "Method not found")
    return _error(session, None, -32600, "Invalid Request")


def _subscribe(names: list[str], number: Any, session: Session) -> Heard:
    """Begin what is known; the answer names it in an order of its own."""
    if any(name.endswith(".raw") for name in names):
        return _error(session, number, 13778, "raw_subscriptions_not_available_for_unauthorized")
    quotes = session.look().quotes
    topics = [
        Topic(name, _TICKER, symbol)
        for name in names
        for channel, _, rest in [name.partition(".")]
        for symbol, _, interval in [rest.rpartition(".")]
        if channel == _TICKER and symbol in quotes and interval in _INTERVALS
        if not session.declines(name)
    ]
    accepted = sorted((topic.name for topic in topics), reverse=True)
    new = tuple(topic for topic in topics if topic.name not in session.topics)
    return Heard(replies=(_result(session, number, accepted),), subscribe=new)


def _result(session: Session, number: Any, result: object) -> str:
    return _answer(session, number, "result", result)


def _error(session: Session, number: Any, code: int, message: str) -> Heard:
    document = {"code": code, "message": message}
    return Heard(replies=(_answer(session, number, "error", document),))


def _answer(session: Session, number: Any, key: str, content: object) -> str:
    document = envelope(key, encode(content), session.look().now_ms)
    return encode({"id": number, **msgspec.json.decode(document)})


def _test_request(session: Session) -> str:
    params = {"type": "test_request"}
    return encode({"params": params, "method": "heartbeat", "jsonrpc": "2.0"})


DIALECT = Dialect(
    venue="deribit",
    paths=("/ws/api/v2",),
    channels=(Channel(_TICKER, period_seconds=0.1, rows=_rows, frames=_frames),),
    hear=_hear,
    beat=Beat(_test_request, every_seconds=None),
    patience=Patience(60, code=4000),
    messages=Budget(10, 3),
    flooded=lambda session: _error(session, None, 10028, "too_many_requests"),
)
