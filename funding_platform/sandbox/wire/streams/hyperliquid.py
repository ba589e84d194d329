"""Hyperliquid on ``/ws``: contexts of all exchanges in one list, and contexts and quotes by coin.

A subscription to what does not exist closes the connection without a word, and with it all others
on it. The list names no coin: its rows belong to the universes by position.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.streams.contract import (
    ABNORMAL,
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
from funding_platform.sandbox.wire.venues.hyperliquid import context, dex_of, number

_ALL: Final = "allDexsAssetCtxs"
_COIN: Final = "activeAssetCtx"
_QUOTES: Final = "bbo"


def _contexts(request: Request) -> Mapping[str, Row]:
    """Every coin that was ever listed, in the order of its universe."""
    quotes = request.quotes
    return {i.venue_symbol: context(quotes.get(i.venue_symbol)) for i in request.instruments}


def _all_frames(delivery: Delivery) -> Iterator[str]:
    exchanges: defaultdict[str, list[Row]] = defaultdict(list)
    for symbol, row in delivery.rows.items():
        exchanges[dex_of(symbol)].append(row)
    yield _frame(_ALL, {"ctxs": sorted(exchanges.items())})


def _coin_frames(delivery: Delivery) -> Iterator[str]:
    for coin, row in delivery.rows.items():
        yield _frame(_COIN, {"coin": coin, "ctx": row})


def _quotes(request: Request) -> Mapping[str, Row]:
    return {
        coin: {
            "bbo": [
                None if price is None else {"px": number(price), "sz": number(size, 5), "n": 1}
                for price, size in ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size))
            ]
        }
        for coin, quote in request.quotes.items()
    }


def _quote_frames(delivery: Delivery) -> Iterator[str]:
    for coin, row in delivery.rows.items():
        yield _frame(_QUOTES, {"coin": coin, "time": delivery.request.now_ms, **row})


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return _error(f"Error parsing JSON into valid websocket request: {message[:100]}")
    match said:
        case {"method": "ping"}:
            return Heard(replies=(encode({"channel": "pong"}),))
        case {"method": "subscribe", "subscription": {"type": str(kind)} as wanted}:
            return _subscribe(kind, wanted, session)
        case {"method": "unsubscribe", "subscription": {"type": str(kind)} as wanted}:
            answer = _response("unsubscribe", wanted)
            return Heard(unsubscribe=(_name(kind, wanted),), replies=(answer,))
    return _error(f"Error parsing JSON into valid websocket request: {message[:100]}")


def _subscribe(kind: str, wanted: Mapping[str, Any], session: Session) -> Heard:
    name, coin = _name(kind, wanted), wanted.get("coin")
    known = kind == _ALL or (kind in (_COIN, _QUOTES) and coin in session.look().quotes)
    if not known or session.declines(name):
        return Heard(close=ABNORMAL)
    if name in session.topics:
        return _error(f"Already subscribed: {encode(wanted)}")
    topic = Topic(name, kind, coin if kind != _ALL else None)
    return Heard(replies=(_response("subscribe", wanted),), subscribe=(topic,))


def _name(kind: str, wanted: Mapping[str, Any]) -> str:
    return kind if kind == _ALL else f"{kind}:{wanted.get('coin')}"


def _response(method: str, wanted: Mapping[str, Any]) -> str:
    return _frame("subscriptionResponse", {"method": method, "subscription": wanted})


def _error(said: str) -> Heard:
    return Heard(replies=(_frame("error", said),))


def _frame(channel: str, data: object) -> str:
    return encode({"channel": channel, "data": data})


DIALECT = Dialect(
    venue="hyperliquid",
    paths=("/ws",),
    channels=(
        Channel(_ALL, period_seconds=13.6, rows=_contexts, frames=_all_frames, repeats=True),
        Channel(_COIN, period_seconds=1, rows=_contexts, frames=_coin_frames, repeats=True),
        Channel(_QUOTES, period_seconds=1, rows=_quotes, frames=_quote_frames),
    ),
    hear=_hear,
    patience=Patience(60, either_way=True),
    messages=Budget(2_000, 60),
)
