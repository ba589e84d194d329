"""OKX's stream: five channels per perpetual, one of them by pair."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType, field

from funding_platform.core.parts import in_parts
from funding_platform.venues.adapters.okx.hourly import pair_of
from funding_platform.venues.adapters.okx.rest import (
    FundingRate,
    Index,
    MarkPrice,
    Okx,
    SwapRow,
    Ticker,
)
from funding_platform.venues.errors import RateLimitedError, RequestError, UnknownSymbolError
from funding_platform.venues.parsing.fields import RealOrBlank, Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.streams.contract import (
    NOTHING,
    Channel,
    Frame,
    Heartbeat,
    Reader,
    Socket,
    StreamSpec,
    VenueStream,
)
from funding_platform.venues.streams.messages import Message, refused, trading
from funding_platform.venues.streams.sound import frame_of, said_of

_SECOND: Final = timedelta(seconds=1)


class _FundingRate(FundingRate, kw_only=True):
    event_ms: Time = field(name="ts")


class _MarkPrice(MarkPrice, kw_only=True):
    event_ms: Time = field(name="ts")


class _OpenInterest(SwapRow, kw_only=True):
    event_ms: Time = field(name="ts")
    open_interest_base: RealOrBlank = field(name="oiCcy")
    open_interest_usd: RealOrBlank | UnsetType = field(name="oiUsd", default=UNSET)  # new


class _Ticker(Ticker, kw_only=True):
    event_ms: Time = field(name="ts")


class _Index(Index, kw_only=True):
    event_ms: Time = field(name="ts")


_FUNDING: Final = Channel(
    name="funding-rate",
    values=("predicted_rate", "interval_hours", "next_funding_ms"),
    period=60 * _SECOND,
    silence=180 * _SECOND,
    of_each=True,
)
_MARK: Final = Channel(
    name="mark-price",
    values=("mark_price",),
    period=0.2 * _SECOND,  # ten seconds where it rests
    silence=30 * _SECOND,
    of_each=True,
)
_INDEX: Final = Channel(
    name="index-tickers", values=("index_price",), period=0.1 * _SECOND, silence=60 * _SECOND
)
_HELD: Final = Channel(
    name="open-interest",
    values=("open_interest_base", "open_interest_usd"),
    period=3 * _SECOND,
    silence=60 * _SECOND,
)
_TICKERS: Final = Channel(
    name="tickers",
    values=("best_bid", "best_ask", "volume_24h_usd"),
    period=0.1 * _SECOND,
    silence=60 * _SECOND,
)
_PAYLOADS: Final[dict[Channel, Any]] = {
    _FUNDING: _FundingRate,
    _MARK: _MarkPrice,
    _INDEX: _Index,
    _HELD: _OpenInterest,
    _TICKERS: _Ticker,
}
_MEANINGS: Final = {"60014": RateLimitedError, "60018": UnknownSymbolError}
_CLOSING: Final = "64008"


class _Arg(Payload):
    channel: str = ""


class _Head(Payload):
    event: str = ""
    arg: _Arg = field(default_factory=_Arg)
    code: str = ""
    msg: str = ""


_HEAD: Final = Message[_Head]("okx", "", _Head)
_DATA: Final = {
    channel.name: (channel, Message[list[Any]]("okx", channel.name, list[kind], within="data"))  # type: ignore[valid-type]
    for channel, kind in _PAYLOADS.items()
}


class OkxStream(VenueStream):
    """The public channels of swaps and X-Perps."""

    name = "okx"
    spec = StreamSpec(
        base_url="wss://ws.okx.com:8443",
        channels=tuple(_PAYLOADS),
        messages=Budget("messages", 480, 3600),
        subscriptions=500,
        batch=100,
        heartbeat=Heartbeat(message="ping", every=20 * _SECOND),
    )

    def sockets(self) -> list[Socket]:
        """Plan sockets of one channel each, so that one that ends leaves the others."""
        symbols = trading(self.listings.values(), Okx.spec)
        pairs = _by_pair(symbols)
        return [
            Socket(
                path="/ws/v5/public",
                messages=tuple(_subscription(channel, p) for p in in_parts(part, self.spec.batch)),
                channels=(channel.name,),
                symbols=tuple(s for name in part for s in pairs.get(name, (name,))),
            )
            for channel in self.spec.channels
            for part in in_parts(
                list(pairs) if channel is _INDEX else symbols, self.spec.subscriptions
            )
        ]

    def reader(self, socket: Socket) -> Reader:
        """Read each channel's rows; an index speaks for every perpetual of its pair."""
        pairs = _by_pair(self.listings)

        def read(message: str | bytes) -> Frame:
            if message in ("pong", b"pong"):
                return NOTHING
            head = _HEAD.one(message)
            if head.event:
                return _answer(head, message)
            if head.arg.channel not in _DATA:
                return NOTHING
            channel, kind = _DATA[head.arg.channel]
            rows, unread = kind.read(message)
            if channel is _INDEX:
                updates = [
                    said_of(row, channel, s) for row in rows for s in pairs.get(row.pair, ())
                ]
            else:
                updates = [said_of(row, channel, row.venue_symbol) for row in rows]
            listed = [row for row in updates if row.venue_symbol in self.listings]
            return frame_of("okx", channel, listed, unread)

        return read


def _by_pair(symbols: Iterable[str]) -> dict[str, list[str]]:
    """Return the perpetuals of each pair: its index is the index of all of them."""
    pairs: dict[str, list[str]] = {}
    for symbol in symbols:
        pairs.setdefault(pair_of(symbol), []).append(symbol)
    return pairs


def _answer(head: _Head, message: str | bytes) -> Frame:
    """Read an acknowledgement, an error, or the notice that the socket is about to close."""
    if head.event == "error":
        kind = _MEANINGS.get(head.code, RequestError)
        return Frame(refused=refused(kind, f"error {head.code}: {head.msg}", "okx", message))
    return Frame(ends=True) if head.code == _CLOSING else NOTHING


def _subscription(channel: Channel, instruments: Sequence[str]) -> str:
    args = [{"channel": channel.name, "instId": instrument} for instrument in instruments]
    return msgspec.json.encode({"op": "subscribe", "args": args}).decode()
