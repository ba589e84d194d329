"""Bybit v5: topic ``tickers.<symbol>`` on ``/v5/public/linear`` and ``/v5/public/inverse``.

One snapshot, then only fields that changed. The acknowledgement may come behind the data. One
argument that is not known costs the whole request.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.streams.contract import (
    NOTHING,
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
from funding_platform.sandbox.wire.venues.bybit import ticker_row

_TICKERS: Final = "tickers"
_ONLY_BY_REQUEST: Final = frozenset(
    ("predictedDeliveryPrice", "basisRate", "basisRateYear", "basis", "deliveryFeeRate",
     "deliveryTime")
)  # fmt: skip
"""Fields of the REST ticker that the stream does not have."""


def _rows(request: Request) -> Mapping[str, Row]:
    return {
        symbol: {k: v for k, v in ticker_row(quote).items() if k not in _ONLY_BY_REQUEST}
        for symbol, quote in request.quotes.items()
    }


def _frames(delivery: Delivery) -> Iterator[str]:
    """Write a snapshot, or a delta: the symbol and the fields that changed."""
    for symbol, fields in delivery.changed.items():
        yield encode(
            {
                "topic": delivery.topic.name,
                "type": "snapshot" if delivery.first else "delta",
                "data": {"symbol": symbol, **fields},
                "cs": delivery.request.now_ms * 1_000 + next(delivery.session.numbers),
                "ts": delivery.request.now_ms,
            }
        )


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return Heard(replies=(_answer(session, {}, "error: not JSON"),))
    match said:
        case {"op": "ping"}:
            return Heard(replies=(_answer(session, said, message="pong"),))
        case {"op": "subscribe", "args": [*names]}:
            return _subscribe([str(name) for name in names], said, session)
        case {"op": "unsubscribe", "args": [*names]}:
            gone = tuple(str(name) for name in names)
            return Heard(unsubscribe=gone, replies=(_answer(session, said),))
        case {"op": op}:
            return Heard(replies=(_answer(session, said, f"error:unknown op {op}"),))
    return NOTHING


def _subscribe(names: list[str], said: Mapping[str, Any], session: Session) -> Heard:
    """Begin all topics, or none where one is not known or was begun before."""
    quotes, category = session.look().quotes, session.path.rpartition("/")[2]
    topics = []
    for name in names:
        channel, _, symbol = name.partition(".")
        quote = quotes.get(symbol)
        known = quote is not None and quote.instrument.contract.contract_type == category
        if channel != _TICKERS or not known or session.declines(name):
            wrong = f"error:handler not found,topic:{name}"
            return Heard(replies=(_answer(session, said, wrong),))
        if name in session.topics:
            wrong = f"error:already subscribed,topic:{name}"
            return Heard(replies=(_answer(session, said, wrong),))
        topics.append(Topic(name, channel, symbol))
    return Heard(subscribe=tuple(topics), late_replies=(_answer(session, said),))


def _answer(
    session: Session, said: Mapping[str, Any], wrong: str | None = None, message: str = ""
) -> str:
    asked = {"req_id": said["req_id"]} if "req_id" in said else {}
    return encode(
        {
            "success": wrong is None,
            "ret_msg": wrong or message,
            "conn_id": session.identity,
            **asked,
            "op": said.get("op", ""),
        }
    )


DIALECT = Dialect(
    venue="bybit",
    paths=("/v5/public/linear", "/v5/public/inverse"),
    channels=(Channel(_TICKERS, period_seconds=0.1, rows=_rows, frames=_frames),),
    hear=_hear,
    patience=Patience(600),
    messages=Budget(500, 5),
)
