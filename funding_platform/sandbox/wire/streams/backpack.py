"""Backpack: ``markPrice.<symbol>`` and its kin on ``/``, where nothing is ever acknowledged.

A market that is not known is as silent as one that is confirmed; only a channel that does not exist
brings an error, which does not say which it was. Times of events are microseconds.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from funding_platform.sandbox.markets.market import Quote
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.decimals import decimals_of, rounded
from funding_platform.sandbox.wire.streams.contract import (
    NOTHING,
    Channel,
    Delivery,
    Dialect,
    Heard,
    Row,
    Session,
    Topic,
    encode,
)
from funding_platform.sandbox.wire.venues.backpack import held, mark_row, ticker_row

_US_PER_MS: Final = 1_000


def _mark(quote: Quote) -> Row | None:
    row = mark_row(quote)
    if quote.mark is None or quote.index is None:
        return None
    return {
        "f": row["fundingRate"],
        "i": row["indexPrice"],
        "n": row["nextFundingTimestamp"],
        "p": row["markPrice"],
    }


def _held(quote: Quote) -> Row | None:
    return None if quote.open_interest is None else {"o": held(quote)}


def _traded(quote: Quote) -> Row | None:
    row = ticker_row(quote)
    if row is None:
        return None
    return {
        "o": row["firstPrice"],
        "c": row["lastPrice"],
        "h": row["high"],
        "l": row["low"],
        "v": row["volume"],
        "V": row["quoteVolume"],
        "n": int(row["trades"]),
    }


def _best(quote: Quote) -> Row:
    places = decimals_of(quote.instrument.tick_size)
    return {
        "a": rounded(quote.ask, places),
        "A": rounded(quote.ask_size, 5),
        "b": rounded(quote.bid, places),
        "B": rounded(quote.bid_size, 5),
    }


def _channel(
    name: str, row_of: Callable[[Quote], Row | None], seconds: float, *, repeats: bool = False
) -> Channel:
    def rows(request: Request) -> Mapping[str, Row]:
        written = {symbol: row_of(quote) for symbol, quote in request.quotes.items()}
        return {symbol: row for symbol, row in written.items() if row is not None}

    def frames(delivery: Delivery) -> Iterator[str]:
        now_us = delivery.request.now_ms * _US_PER_MS
        for symbol, row in delivery.rows.items():
            data = {"e": name, "s": symbol, "E": now_us + 1, "T": now_us, **row}
            yield encode({"data": data, "stream": delivery.topic.name})

    return Channel(name, period_seconds=seconds, rows=rows, frames=frames, repeats=repeats)


_CHANNELS: Final = (
    _channel("markPrice", _mark, 1, repeats=True),
    _channel("openInterest", _held, 60, repeats=True),
    _channel("ticker", _traded, 1),
    _channel("bookTicker", _best, 0.1),
)
_NAMES: Final = frozenset(channel.name for channel in _CHANNELS)


def _hear(message: str, session: Session) -> Heard:
    try:
        said = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return _error(4002, "Parse error")
    match said:
        case {"method": "SUBSCRIBE", "params": [*names]}:
            return _subscribe([str(name) for name in names], session)
        case {"method": "UNSUBSCRIBE", "params": [*names]}:
            return Heard(unsubscribe=tuple(str(name) for name in names))
    return NOTHING


def _subscribe(names: list[str], session: Session) -> Heard:
    quotes = session.look().quotes
    topics, wrong = [], []
    for name in names:
        channel, _, symbol = name.partition(".")
        if channel not in _NAMES:
            wrong.append(name)
        elif symbol in quotes and name not in session.topics and not session.declines(name):
            topics.append(Topic(name, channel, symbol))
    replies = _error(4006, "Invalid stream").replies if wrong else ()
    return Heard(replies=replies, subscribe=tuple(topics))


def _error(code: int, message: str) -> Heard:
    error: dict[str, Any] = {"code": code, "message": message}
    return Heard(replies=(encode({"id": None, "error": error}),))


DIALECT = Dialect(venue="backpack", paths=("/",), channels=_CHANNELS, hear=_hear)
