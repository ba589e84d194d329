"""Binance's streams of the whole market, which Aster copied.

Mark prices come only below ``/market`` and books only below ``/public``: the old root accepts both
and stays silent. A frame holds some of the market, with contracts that expire and such of COIN-M
among them.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final, Literal

import msgspec
from msgspec import field

from funding_platform.venues.adapters.binance.rest import Binance, Futures
from funding_platform.venues.errors import RequestError
from funding_platform.venues.parsing.fields import Real, RealOrBlank, Time
from funding_platform.venues.parsing.payloads import Payload, present
from funding_platform.venues.parsing.records import dollars
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.streams.contract import (
    NOTHING,
    Channel,
    Frame,
    Reader,
    Socket,
    StreamSpec,
    VenueStream,
)
from funding_platform.venues.streams.messages import Message, refused, trading
from funding_platform.venues.streams.sound import frame_of, said_of
from funding_platform.venues.streams.updates import MarketUpdate

_SECOND: Final = timedelta(seconds=1)
MARKS: Final = Channel(
    name="!markPrice@arr@1s",
    values=("predicted_rate", "next_funding_ms", "mark_price", "index_price"),
    period=_SECOND,
    silence=10 * _SECOND,
    of_each=True,
)
TICKERS: Final = Channel(
    name="!ticker@arr", values=("volume_24h_usd",), period=_SECOND, silence=60 * _SECOND
)
BOOKS: Final = Channel(
    name="!bookTicker",
    values=("best_bid", "best_ask"),
    period=5 * _SECOND,
    silence=60 * _SECOND,
)

_USD_M: Final = 1
_PEEK: Final = 64
"""Characters among which a frame names its stream."""


class _Row(Payload):
    venue_symbol: str = field(name="s")
    event_ms: Time = field(name="E")


class _Mark(MarketUpdate, kw_only=True, frozen=True, gc=False):
    """A row of some hundreds a second: decoded as the update that it is, but for blanks."""

    venue_symbol: str = field(name="s")
    event_ms: Time = field(name="E")
    predicted_rate: RealOrBlank = field(name="r")  # type: ignore[assignment]
    next_funding_ms: Time | Literal[""] = field(name="T")  # type: ignore[assignment] # 0: expires
    mark_price: RealOrBlank = field(name="p")  # type: ignore[assignment]
    index_price: RealOrBlank = field(name="i")  # type: ignore[assignment]
    market: int = field(name="st", default=_USD_M)


class _Ticker(_Row):
    volume_24h_quote: Real = field(name="q")


class _Book(_Row):
    best_bid: Real = field(name="b")
    best_ask: Real = field(name="a")


class _Error(Payload):
    code: int
    msg: str = ""


class _Head(Payload):
    stream: str = ""
    code: int | None = None
    msg: str = ""
    error: _Error | None = None


class FuturesStream(VenueStream):
    """Mark prices, tickers and books of all perpetuals, on as many sockets as there are paths."""

    rest: ClassVar[type[Futures]]
    paths: ClassVar[Mapping[str, Sequence[Channel]]]

    def sockets(self) -> list[Socket]:
        """Plan a socket per channel, so that one that ends leaves the others."""
        symbols = tuple(trading(self.listings.values(), self.rest.spec))
        return [
            Socket(
                path=path,
                messages=(_subscription(channel),),
                channels=(channel.name,),
                symbols=symbols,
            )
            for path, channels in self.paths.items()
            for channel in channels
        ]

    def reader(self, socket: Socket) -> Reader:
        """Read what each stream says of perpetuals that trade."""
        name = self.name
        head = Message[_Head](name, "", _Head)
        marks = Message[list[_Mark]](name, MARKS.name, list[_Mark], within="data")
        tickers = Message[list[_Ticker]](name, TICKERS.name, list[_Ticker], within="data")
        books = Message[_Book](name, BOOKS.name, _Book, within="data")

        follows = {symbol: self.rest.trades(row) for symbol, row in self.listings.items()}

        def read(message: str | bytes) -> Frame:
            stream = _named_early(message) or head.one(message).stream
            if stream == MARKS.name:
                rows, unread = marks.read(message)
                return frame_of(name, MARKS, self._marks(rows, follows), unread)
            if stream == TICKERS.name:
                traded, unread = tickers.read(message)
                return frame_of(name, TICKERS, self._volumes(traded), unread)
            if stream == BOOKS.name:
                return frame_of(name, BOOKS, self._quotes(books.one(message)))
            return _answer(name, head.one(message), message)

        return read

    def _marks(self, rows: Sequence[_Mark], follows: Mapping[str, bool]) -> list[_Mark]:
        """Keep perpetuals, one that is not listed yet among them; those of COIN-M if listed."""
        unlisted, known = self.rest.trades(None), follows.get
        return [
            row
            for row in rows
            if row.next_funding_ms
            and (
                (trades := known(row.venue_symbol))
                or (trades is None and unlisted and row.market == _USD_M)
            )
        ]

    def _volumes(self, rows: Sequence[_Ticker]) -> list[MarketUpdate]:
        return [
            MarketUpdate(
                venue_symbol=row.venue_symbol,
                event_ms=row.event_ms,
                volume_24h_usd=present(dollars(listing.quote, row.volume_24h_quote)),
            )
            for row in rows
            if (listing := self.listings.get(row.venue_symbol)) and self.rest.trades(listing)
        ]

    def _quotes(self, row: _Book) -> list[MarketUpdate]:
        listing = self.listings.get(row.venue_symbol)
        return (
            [said_of(row, BOOKS, row.venue_symbol)] if listing and self.rest.trades(listing) else []
        )


class BinanceStream(FuturesStream):
    """Binance's USD-M futures, by class of data."""

    name = "binance"
    rest = Binance
    paths: ClassVar = {"/market/stream": (MARKS, TICKERS), "/public/stream": (BOOKS,)}
    spec = StreamSpec(
        base_url="wss://fstream.binance.com",
        channels=(MARKS, TICKERS, BOOKS),
        messages=Budget("messages", 10, 1),
        subscriptions=200,
        batch=200,
        lifetime=timedelta(hours=24),
    )


def _named_early(message: str | bytes) -> str | None:
    """Find the stream that a frame names at its beginning: nearly all do, and some are long."""
    start = message[:_PEEK]
    text = start if isinstance(start, str) else start.decode(errors="replace")
    return next((name for name in _STARTS if text.startswith(_STARTS[name])), None)


_STARTS: Final = {
    channel.name: f'{{"stream":"{channel.name}"' for channel in (MARKS, TICKERS, BOOKS)
}


def _answer(venue: str, head: _Head, message: str | bytes) -> Frame:
    """Read an acknowledgement, which proves nothing, or an error, which comes in two forms."""
    code, said = (head.error.code, head.error.msg) if head.error else (head.code, head.msg)
    if code is None:
        return NOTHING
    return Frame(refused=refused(RequestError, f"error {code}: {said}", venue, message))


def _subscription(channel: Channel) -> str:
    request: dict[str, Any] = {"method": "SUBSCRIBE", "params": [channel.name], "id": 1}
    return msgspec.json.encode(request).decode()
