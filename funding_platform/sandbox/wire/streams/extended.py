"""Extended: the address is the subscription, and every message of a connection is numbered.

One message holds one market. Marks and indices come every second with an inner time of 0; the book,
one level deep, comes whole when it changes. A client that does not name itself is turned away.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

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

_PATHS: Final = {"/prices/mark": "mark", "/prices/index": "index", "/orderbooks": "book"}


def _prices(name: str, kind: str, price_of: Callable[[Quote], float | None]) -> Channel:
    def rows(request: Request) -> Mapping[str, Row]:
        prices = {symbol: price_of(quote) for symbol, quote in request.quotes.items()}
        return {
            symbol: {"m": symbol, "p": rounded(price, 12), "ts": 0}
            for symbol, price in prices.items()
            if price is not None
        }

    def frames(delivery: Delivery) -> Iterator[str]:
        return (_numbered(delivery, kind, row) for row in delivery.rows.values())

    return Channel(name, period_seconds=1, rows=rows, frames=frames, repeats=True)


def _books(request: Request) -> Mapping[str, Row]:
    return {
        symbol: {
            "t": "SNAPSHOT",
            "m": symbol,
            "b": _level(quote, quote.bid, quote.bid_size),
            "a": _level(quote, quote.ask, quote.ask_size),
            "d": "1",
        }
        for symbol, quote in request.quotes.items()
    }


def _level(quote: Quote, price: float | None, size: float | None) -> list[dict[str, str]]:
    if price is None:
        return []
    places = decimals_of(quote.instrument.tick_size)
    return [{"q": rounded(size, 5), "p": rounded(price, places)}]


def _book_frames(delivery: Delivery) -> Iterator[str]:
    return (_numbered(delivery, "SNAPSHOT", delivery.rows[key]) for key in delivery.changed)


def _numbered(delivery: Delivery, kind: str, data: Row) -> str:
    number: dict[str, Any] = {"ts": delivery.request.now_ms, "seq": next(delivery.session.numbers)}
    return encode({"type": kind, "data": data, **number})


def _greet(session: Session) -> Heard:
    name = _PATHS[session.path]
    if session.declines(name):
        return Heard(close=1008)
    return Heard(subscribe=(Topic(name, name),))


DIALECT = Dialect(
    venue="extended",
    paths=tuple(_PATHS),
    channels=(
        _prices("mark", "MP", lambda quote: quote.mark),
        _prices("index", "IP", lambda quote: quote.index),
        Channel("book", period_seconds=0.1, rows=_books, frames=_book_frames),
    ),
    hear=lambda message, session: NOTHING,
    greet=_greet,
    required_headers=("user-agent",),
)
