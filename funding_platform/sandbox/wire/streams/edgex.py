"""edgeX: ``ticker.all.1s`` and ``bookTicker.all.1s`` on ``/api/v1/public/ws``.

A snapshot, then the rows that changed: of a ticker only the fields that did, of quotes the whole
row. The venue pings every ten seconds, and drops a client that does not answer for a minute.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.decimals import decimals_of, rounded
from funding_platform.sandbox.wire.streams.contract import (
    NOTHING,
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
from funding_platform.sandbox.wire.venues.edgex import contract_id, ticker_row

_TICKER: Final = "ticker.all.1s"
_QUOTES: Final = "bookTicker.all.1s"
_OF_THE_DAY: Final = frozenset(("startTime", "endTime", "highTime", "lowTime"))
"""Times within the last day, which pass though nothing changes."""


def _best(price: float | None, places: int, absent: str | None) -> str | None:
    return absent if price is None else rounded(price, places)


def _tickers(request: Request) -> Mapping[str, Row]:
    rows = {}
    for symbol, quote in request.quotes.items():
        number, places = contract_id(symbol), decimals_of(quote.instrument.tick_size)
        row = ticker_row(number, quote, request.now_ms)
        best = {
            "bestAskPrice": _best(quote.ask, places, None),
            "bestBidPrice": _best(quote.bid, places, None),
        }
        rows[number] = {
            **{name: value for name, value in row.items() if name not in _OF_THE_DAY},
            **{name: price for name, price in best.items() if price is not None},
            "marketOpen": True,
        }
    return rows


def _ticker_frames(delivery: Delivery) -> Iterator[str]:
    rows = [
        {"contractId": number, "contractName": delivery.rows[number]["contractName"], **fields}
        for number, fields in delivery.changed.items()
    ]
    yield _event(delivery, rows)


def _quotes(request: Request) -> Mapping[str, Row]:
    rows = {}
    for symbol, quote in request.quotes.items():
        number, places = contract_id(symbol), decimals_of(quote.instrument.tick_size)
        rows[number] = {
            "contractId": number,
            "contractName": symbol,
            "bestAskPrice": _best(quote.ask, places, "0"),
            "bestAskSize": rounded(quote.ask_size or 0.0, 3),
            "bestBidPrice": _best(quote.bid, places, "0"),
            "bestBidSize": rounded(quote.bid_size or 0.0, 3),
        }
    return rows


def _quote_frames(delivery: Delivery) -> Iterator[str]:
    time = {"time": str(delivery.request.now_ms)}
    yield _event(delivery, [{**delivery.rows[number], **time} for number in delivery.changed])


def _event(delivery: Delivery, rows: list[dict[str, Any]]) -> str:
    channel = {"channel": delivery.topic.name}
    kind = "Snapshot" if delivery.first else "changed"
    return encode(
        {"type": "quote-event", **channel, "content": {**channel, "dataType": kind, "data": rows}}
    )


def _greet(session: Session) -> Heard:
    return Heard(replies=(encode({"sid": session.identity, "type": "connected"}),))


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return _error(message, "GATEWAY_INVALID_MESSAGE", "invalid message")
    match said:
        case {"type": "ping", "time": time}:
            return Heard(replies=(encode({"type": "pong", "time": time}),))
        case {"type": "subscribe", "channel": str(name)}:
            if name not in (_TICKER, _QUOTES) or session.declines(name):
                return _error(message, "GATEWAY_INVALID_CHANNEL", f"invalid channel : {name}")
            said = {"type": "subscribed", "channel": name, "request": message}
            return Heard(replies=(encode(said),), subscribe=(Topic(name, name),))
        case {"type": "unsubscribe", "channel": str(name)}:
            gone = encode({"type": "unsubscribed", "channel": name})
            return Heard(unsubscribe=(name,), replies=(gone,))
    return NOTHING


def _error(message: str, code: str, told: str) -> Heard:
    content = {"code": code, "msg": told}
    return Heard(replies=(encode({"type": "error", "request": message, "content": content}),))


DIALECT = Dialect(
    venue="edgex",
    paths=("/api/v1/public/ws",),
    channels=(
        Channel(_TICKER, period_seconds=1, rows=_tickers, frames=_ticker_frames),
        Channel(_QUOTES, period_seconds=1, rows=_quotes, frames=_quote_frames),
    ),
    hear=_hear,
    greet=_greet,
    beat=Beat(
        lambda session: encode({"type": "ping", "time": str(session.look().now_ms)}),
        every_seconds=10,
    ),
    patience=Patience(60),
)
