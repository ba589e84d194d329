"""OKX's stream: five channels per perpetual, one of them by pair."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType, field

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
from funding_platform.venues.streams.messages import Message, in_parts, refused, trading
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
        """Plan sockets of so many subscriptions; an index is subscribed to once for its pair."""
        by_pair: defaultdict[str, list[str]] = defaultdict(list)
        for symbol in trading(self.listings.values(), Okx.spec):
            by_pair[pair_of(symbol)].append(symbol)
        plan: list[tuple[list[dict[str, str]], list[str]]] = []
        for pair, symbols in by_pair.items():
            args = [_arg(_INDEX, pair), *(_arg(c, s) for s in symbols for c in _OF_EACH)]
            if not plan or len(plan[-1][0]) + len(args) > self.spec.subscriptions:
                plan.append(([], []))
            plan[-1][0].extend(args)
            plan[-1][1].extend(symbols)
        return [
            Socket(
                path="/ws/v5/public",
                messages=tuple(map(_subscription, in_parts(args, self.spec.batch))),
                channels=tuple(_DATA),
                symbols=tuple(symbols),
            )
            for args, symbols in plan
        ]

    def reader(self, socket: Socket) -> Reader:
        """Read each channel's rows; an index speaks for every perpetual of its pair."""
        by_pair: defaultdict[str, list[str]] = defaultdict(list)
        for symbol in self.listings:
            by_pair[pair_of(symbol)].append(symbol)

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
                updates = [said_of(row, channel, s) for row in rows for s in by_pair[row.pair]]
            else:
                updates = [said_of(row, channel, row.venue_symbol) for row in rows]
            listed = [row for row in updates if row.venue_symbol in self.listings]
            return frame_of("okx", channel, listed, unread)

        return read


_OF_EACH: Final = tuple(channel for channel in _PAYLOADS if channel is not _INDEX)


def _arg(channel: Channel, instrument: str) -> dict[str, str]:
    return {"channel": channel.name, "instId": instrument}


def _answer(head: _Head, message: str | bytes) -> Frame:
    """Read an acknowledgement, an error, or the notice that the socket is about to close."""
    if head.event == "error":
        kind = _MEANINGS.get(head.code, RequestError)
        return Frame(refused=refused(kind, f"error {head.code}: {head.msg}", "okx", message))
    return Frame(ends=True) if head.code == _CLOSING else NOTHING


def _subscription(args: Sequence[dict[str, str]]) -> str:
    return msgspec.json.encode({"op": "subscribe", "args": args}).decode()
