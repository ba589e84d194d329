"""Binance: marks, tickers and books of the whole market, each below the path of its class.

Every subscription is acknowledged, also one that never brings anything: an unknown stream, one of
the other class, and marks on the old root. The marks come in several frames, with contracts that
expire and such of COIN-M among them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from funding_platform.core.parts import in_parts
from funding_platform.core.time_grid import DAY_MS
from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.quotes.binance import book_ticker, premium_index, ticker_24hr
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

MARKS: Final = ("!markPrice@arr@1s", "!markPrice@arr")
TICKERS: Final = "!ticker@arr"
BOOKS: Final = "!bookTicker"
_SHARD: Final = 50
"""Rows of one frame of marks; the venue sends 744 and 191 of its 935."""

_OTHERS: Final[Mapping[str, Row]] = {
    "BTCUSDT_261225": {"s": "BTCUSDT_261225", "p": "101000.00000000", "P": "100990.00000000",
                       "i": "100000.00000000", "r": "0.00000000", "T": 0, "st": 1},
    "BTCUSD_PERP": {"s": "BTCUSD_PERP", "p": "100000.00000000", "P": "100000.00000000",
                    "i": "100010.00000000", "r": "-0.00000573", "T": 1_790_380_800_000, "st": 2},
    "BTCUSD_261225": {"s": "BTCUSD_261225", "p": "101000.00000000", "P": "100990.00000000",
                      "i": "100000.00000000", "r": "", "T": 0, "st": 2},
}  # fmt: skip
"""Contracts that are no perpetuals of USD-M."""


def mark_row(document: Mapping[str, Any]) -> Row:
    """Spell a row of premiumIndex as the stream does."""
    return {
        "s": document["symbol"],
        "p": document["markPrice"],
        "P": document["estimatedSettlePrice"],
        "i": document["indexPrice"],
        "r": document["lastFundingRate"],
        "T": document["nextFundingTime"],
    }


def _marks(request: Request) -> Mapping[str, Row]:
    rows = {
        symbol: mark_row(premium_index(quote, request.now_ms))
        for symbol, quote in request.quotes.items()
    }
    return {**{s: {**row, "ap": row["p"], "st": 1} for s, row in rows.items()}, **_OTHERS}


def _mark_frames(delivery: Delivery) -> Iterator[str]:
    event = {"e": "markPriceUpdate", "E": delivery.request.now_ms}
    for rows in in_parts([*delivery.rows.values()], _SHARD):
        yield _wrapped(delivery, [{**event, **row} for row in rows])


def _tickers(request: Request) -> Mapping[str, Row]:
    rows = {s: ticker_24hr(q, request.now_ms) for s, q in request.quotes.items()}
    return {
        symbol: {
            "s": symbol, "p": row["priceChange"], "P": row["priceChangePercent"],
            "w": row["weightedAvgPrice"], "c": row["lastPrice"], "Q": row["lastQty"],
            "o": row["openPrice"], "h": row["highPrice"], "l": row["lowPrice"],
            "v": row["volume"], "q": row["quoteVolume"], "F": row["firstId"],
            "L": row["lastId"], "n": row["count"],
        }
        for symbol, row in rows.items()
        if row is not None
    }  # fmt: skip


def _ticker_frames(delivery: Delivery) -> Iterator[str]:
    now_ms = delivery.request.now_ms
    event = {"e": "24hrTicker", "E": now_ms, "O": now_ms - DAY_MS, "C": now_ms}
    yield _wrapped(delivery, [{**event, **delivery.rows[symbol]} for symbol in delivery.changed])


def _books(request: Request) -> Mapping[str, Row]:
    rows = {s: book_ticker(q, request.now_ms) for s, q in request.quotes.items()}
    return {
        symbol: {
            "s": symbol,
            "b": row["bidPrice"],
            "B": row["bidQty"],
            "a": row["askPrice"],
            "A": row["askQty"],
        }
        for symbol, row in rows.items()
        if row is not None
    }


def _book_frames(delivery: Delivery) -> Iterator[str]:
    now_ms = delivery.request.now_ms
    for symbol in delivery.changed:
        event = {"e": "bookTicker", "u": now_ms * 1_000 + next(delivery.session.numbers)}
        yield _wrapped(delivery, {**event, **delivery.rows[symbol], "T": now_ms, "E": now_ms})


def _wrapped(delivery: Delivery, data: object) -> str:
    return encode({"stream": delivery.topic.name, "data": data})


def hearing(
    served: Callable[[str], Sequence[str]],
    acknowledged: Callable[[Any, Any], Mapping[str, Any]],
) -> Callable[[str, Session], Heard]:
    """Make what hears requests.

    Parameters
    ----------
    served
        The streams that a path brings.
    acknowledged
        Makes an answer of a result and a request's number.
    """

    def hear(message: str, session: Session) -> Heard:
        asked: dict[str, None] = session.memory.setdefault("asked", {})
        try:
            said = msgspec.json.decode(message)
        except msgspec.DecodeError:
            return _invalid("request is not valid JSON")
        match said:
            case {"method": "SUBSCRIBE", "params": [*names], "id": number}:
                asked |= dict.fromkeys(map(str, names))
                topics = tuple(
                    Topic(name, name)
                    for name in map(str, names)
                    if name in served(session.path) and not session.declines(name)
                )
                return Heard(replies=(encode(acknowledged(None, number)),), subscribe=topics)
            case {"method": "UNSUBSCRIBE", "params": [*names], "id": number}:
                gone = tuple(map(str, names))
                for name in gone:
                    asked.pop(name, None)
                return Heard(unsubscribe=gone, replies=(encode(acknowledged(None, number)),))
            case {"method": "LIST_SUBSCRIPTIONS", "id": number}:
                return Heard(replies=(encode(acknowledged([*asked], number)),))
            case {"method": _}:
                return _invalid("unknown method or missing property")
        return _invalid("request must be an object")

    return hear


def _invalid(why: str) -> Heard:
    return Heard(replies=(encode({"code": 2, "msg": f"Invalid request: {why}"}),))


def channels_of(marks: Callable[[Request], Mapping[str, Row]]) -> tuple[Channel, ...]:
    """Return the channels, with marks of the venue's own."""
    return (
        Channel(MARKS[0], period_seconds=1, rows=marks, frames=_mark_frames, repeats=True),
        Channel(MARKS[1], period_seconds=3, rows=marks, frames=_mark_frames, repeats=True),
        Channel(TICKERS, period_seconds=1, rows=_tickers, frames=_ticker_frames),
        Channel(BOOKS, period_seconds=5, rows=_books, frames=_book_frames),
    )


_CLASSES: Final[Mapping[str, Sequence[str]]] = {
    "/market/stream": (*MARKS, TICKERS),
    "/public/stream": (BOOKS,),
    "/stream": (BOOKS,),  # the old root
}

DIALECT = Dialect(
    venue="binance",
    paths=tuple(_CLASSES),
    channels=channels_of(_marks),
    hear=hearing(lambda path: _CLASSES[path], lambda result, n: {"result": result, "id": n}),
    messages=Budget(10, 1),
    lifetime_seconds=DAY_MS / 1_000,
)
