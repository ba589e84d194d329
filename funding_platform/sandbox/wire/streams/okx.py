"""OKX v5: five channels on ``/ws/v5/public``; every argument is answered by itself.

The heartbeat is the text ``ping``, which is no JSON, and before the venue closes a socket it says
so. Where the market moves once a second, ten looks a second would find nothing more.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.markets.market import Quote
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.quotes.okx import (
    funding_row,
    index_rows,
    interest_row,
    mark_row,
    ticker_row,
)
from funding_platform.sandbox.wire.streams.contract import (
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

_REPEATED_EVERY: Final = 10
"""Looks, and seconds, after which a mark that rests is sent again."""
_TIME: Final = "ts"
"""That of the frame: what else a row says may stay as it was."""


def _of_each(row: Callable[[Quote, int], Row | None]) -> Callable[[Request], Mapping[str, Row]]:
    def rows(request: Request) -> Mapping[str, Row]:
        made = {s: row(quote, request.now_ms) for s, quote in request.quotes.items()}
        return {symbol: _timeless(row) for symbol, row in made.items() if row is not None}

    return rows


def _indices(request: Request) -> Mapping[str, Row]:
    return {pair: _timeless(row) for pair, row in index_rows(request).items()}


def _timeless(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != _TIME}


def _frames(delivery: Delivery) -> Iterator[str]:
    channel, _, instrument = delivery.topic.name.partition(":")
    for row in delivery.rows.values():
        data = [{**row, _TIME: str(delivery.request.now_ms)}]
        yield encode({"arg": {"channel": channel, "instId": instrument}, "data": data})


def _mark_frames(delivery: Delivery) -> Iterator[str]:
    """Write what changed, and after so many looks that found nothing what has not."""
    name, quiet = delivery.topic.name, delivery.session.memory
    quiet[name] = 0 if delivery.changed else quiet.get(name, 0) + 1
    if quiet[name] % _REPEATED_EVERY == 0:
        yield from _frames(delivery)


def _hear(message: str, session: Session) -> Heard:
    if message == "ping":
        return Heard(replies=("pong",))
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        said = None
    match said:
        case {"op": "subscribe", "args": [*args]}:
            return _subscribe(args, session)
        case {"op": "unsubscribe", "args": [*args]}:
            gone = tuple(_name(arg) for arg in args)
            replies = tuple(_event("unsubscribe", session, arg=arg) for arg in args)
            return Heard(unsubscribe=gone, replies=replies)
    return Heard(replies=(_error("60012", f"Invalid request: {message[:100]}", session),))


def _subscribe(args: list[Any], session: Session) -> Heard:
    """Begin what is known, and decline the rest one by one."""
    quotes = session.look().quotes
    pairs = {f"{q.instrument.contract.base}-{q.instrument.contract.quote}" for q in quotes.values()}
    replies, topics = [], []
    for arg in args:
        name = _name(arg)
        channel, _, instrument = name.partition(":")
        known = instrument in (pairs if channel == _INDEX else quotes)
        if channel in _CHANNELS and known and not session.declines(name):
            replies.append(_event("subscribe", session, arg=arg))
            topics.append(Topic(name, channel, instrument))
        else:
            wrong = f"Wrong URL or channel:{channel},instId:{instrument} doesn't exist."
            replies.append(_error("60018", wrong, session))
    return Heard(replies=tuple(replies), subscribe=tuple(topics))


def _name(arg: Any) -> str:
    """Name the topic that an argument asks for."""
    asked = arg if isinstance(arg, dict) else {}
    return f"{asked.get('channel', '')}:{asked.get('instId', '')}"


def _event(event: str, session: Session, **said: Any) -> str:
    return encode({"event": event, **said, "connId": session.identity})


def _error(code: str, message: str, session: Session) -> str:
    return _event("error", session, code=code, msg=message)


def _farewell(session: Session) -> str:
    said = "The connection will soon be closed for a service upgrade. Please reconnect."
    return _event("notice", session, msg=said, code="64008")


_INDEX: Final = "index-tickers"
_CHANNELS: Final = {
    channel.name: channel
    for channel in (
        Channel("funding-rate", 30, _of_each(funding_row), _frames, repeats=True),
        Channel("mark-price", 1, _of_each(mark_row), _mark_frames, repeats=True),
        Channel(_INDEX, 1, _indices, _frames),
        Channel("open-interest", 3, _of_each(interest_row), _frames),
        Channel("tickers", 1, _of_each(ticker_row), _frames),
    )
}

DIALECT = Dialect(
    venue="okx",
    paths=("/ws/v5/public",),
    channels=tuple(_CHANNELS.values()),
    hear=_hear,
    patience=Patience(30, either_way=True),
    messages=Budget(480, 3_600),
    flooded=lambda session: Heard(replies=(_error("60014", "Requests too frequent", session),)),
    farewell=_farewell,
)
