"""Paradex: ``markets_summary`` on ``/v1``, in JSON-RPC: a frame per market and second.

Options come on the same channel, with an empty rate.
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
from funding_platform.sandbox.wire.venues.paradex import summary_row

_SUMMARY: Final = "markets_summary"
_OPTION: Final = {
    "symbol": "BTC-USD-25DEC26-100000-C", "mark_price": "4209.75120612", "mark_iv": "0.4",
    "underlying_price": "93366.2129", "bid": "", "bid_size": "", "ask": "", "ask_size": "",
    "volume_24h": "0", "open_interest": "0", "funding_rate": "", "future_funding_rate": "0.00006",
}  # fmt: skip


def _rows(request: Request) -> Mapping[str, Row]:
    rows = {
        symbol: {name: value for name, value in summary_row(quote, 0).items() if name != _TIME}
        for symbol, quote in request.quotes.items()
    }
    return {**rows, _OPTION["symbol"]: _OPTION}


_TIME: Final = "created_at"
"""That of the frame: what else a summary says may stay as it was."""


def _frames(delivery: Delivery) -> Iterator[str]:
    for row in delivery.rows.values():
        params = {"channel": _SUMMARY, "data": {**row, _TIME: delivery.request.now_ms}}
        yield encode({"jsonrpc": "2.0", "method": "subscription", "params": params})


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return _error(None, -32700, "parse error", "")
    match said:
        case {"method": "subscribe", "id": number, "params": {"channel": str(name)}}:
            if name != _SUMMARY or session.declines(name):
                return _error(number, -32600, "invalid subscribe request", "invalid channel")
            if name in session.topics:
                return _error(number, -32600, "invalid subscribe request", "already subscribed")
            return Heard(replies=(_result(number, name),), subscribe=(Topic(name, name),))
        case {"method": "unsubscribe", "id": number, "params": {"channel": str(name)}}:
            return Heard(unsubscribe=(name,), replies=(_result(number, name),))
        case {"id": number}:
            return _error(number, -32601, "method not found", "")
    return _error(None, -32600, "invalid request", "")


def _result(number: Any, channel: str) -> str:
    return encode({"jsonrpc": "2.0", "id": number, "result": {"channel": channel}, "usDiff": 162})


def _error(number: Any, code: int, message: str, data: str) -> Heard:
    error: dict[str, Any] = {"code": code, "message": message, "data": data}
    return Heard(replies=(encode({"jsonrpc": "2.0", "id": number, "error": error}),))


DIALECT = Dialect(
    venue="paradex",
    paths=("/v1",),
    channels=(Channel(_SUMMARY, period_seconds=1, rows=_rows, frames=_frames, repeats=True),),
    hear=_hear,
)
