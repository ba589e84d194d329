"""Deribit's stream: JSON-RPC, a channel per perpetual, and a heartbeat that has to be answered."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import field

from funding_platform.core.parts import in_parts
from funding_platform.venues.adapters.deribit.rest import Deribit, Market, market
from funding_platform.venues.errors import RateLimitedError, UnknownSymbolError
from funding_platform.venues.parsing.fields import MaybeReal, Real, Time
from funding_platform.venues.parsing.payloads import Payload
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
from funding_platform.venues.streams.messages import Declined, Message, refused, trading
from funding_platform.venues.streams.sound import frame_of, update_of
from funding_platform.venues.streams.updates import VALUES

_TICKER: Final = Channel(
    name="ticker",
    values=tuple(name for name in VALUES if name != "next_funding_ms"),
    period=timedelta(milliseconds=100),
    silence=timedelta(seconds=10),
)
_HEARTBEAT: Final = {"id": 0, "method": "public/set_heartbeat", "params": {"interval": 30}}
_TEST: Final = {"id": 9_999, "method": "public/test", "params": {}}


class _Stats(Payload, rename=None):
    volume_usd: MaybeReal = None


class _Ticker(Market, rename=None, kw_only=True):
    time_ms: Time = field(name="timestamp")
    funding_8h: Real
    best_bid: MaybeReal = field(name="best_bid_price")
    best_ask: MaybeReal = field(name="best_ask_price")
    index_price: MaybeReal
    stats: _Stats = field(default_factory=_Stats)

    @property
    def volume_24h_usd(self) -> MaybeReal:
        """Of the last day."""
        return self.stats.volume_usd


class _Asked(Payload):
    channels: list[str] = field(default_factory=list)


class _Params(Payload):
    channel: str = ""
    type: str = ""


class _Head(Payload):
    id: int | None = None
    method: str = ""
    params: _Params = field(default_factory=_Params)
    error: Declined | None = None


class _Request(Payload):
    id: int
    params: _Asked


_HEAD: Final = Message[_Head]("deribit", "", _Head)
_ACCEPTED: Final = Message[list[str]]("deribit", "", list[str], within="result")
_DATA: Final = Message[_Ticker]("deribit", _TICKER.name, _Ticker, within="params.data")


class DeribitStream(VenueStream):
    """The ticker of every perpetual, ten times a second where it changed."""

    name = "deribit"
    spec = StreamSpec(
        base_url="wss://www.deribit.com",
        channels=(_TICKER,),
        messages=Budget("messages", 3, 1),
        subscriptions=500,
        batch=250,
    )

    def sockets(self) -> list[Socket]:
        """Plan sockets that ask for the venue's heartbeat first."""
        return [
            Socket(
                path="/ws/api/v2",
                messages=(_rpc(_HEARTBEAT), *_subscriptions(part, self.spec.batch)),
                channels=(_TICKER.name,),
                symbols=tuple(part),
            )
            for part in in_parts(
                trading(self.listings.values(), Deribit.spec), self.spec.subscriptions
            )
        ]

    def reader(self, socket: Socket) -> Reader:
        """Compare what is accepted with what was asked: the rest is left out without a word."""
        requests = [msgspec.json.decode(text, type=_Request) for text in socket.messages]
        asked = {request.id: request.params.channels for request in requests}

        def read(message: str | bytes) -> Frame:
            head = _HEAD.one(message)
            if head.error is not None:
                return head.error.frame("deribit", message, {10028: RateLimitedError})
            if head.method == "heartbeat":
                return Frame(answer=_rpc(_TEST)) if head.params.type == "test_request" else NOTHING
            if head.method == "subscription" and head.params.channel.startswith("ticker."):
                return self._data(message)
            wanted = asked.get(head.id, []) if head.id is not None else []
            if not wanted:
                return NOTHING
            missing = sorted({*wanted} - {*_ACCEPTED.one(message)})
            said = f"not among the accepted: {', '.join(missing)}"
            error = refused(UnknownSymbolError, said, "deribit", message) if missing else None
            return Frame(refused=error)

        return read

    def _data(self, message: str | bytes) -> Frame:
        row = _DATA.one(message)
        listing = self.listings.get(row.venue_symbol)
        if listing is None:
            return NOTHING
        update = update_of(market(row, listing), _TICKER.values, row.time_ms)
        return frame_of("deribit", _TICKER, [update])


def _subscriptions(symbols: Sequence[str], batch: int) -> list[str]:
    channels = [f"ticker.{symbol}.100ms" for symbol in symbols]
    return [
        _rpc({"id": number, "method": "public/subscribe", "params": {"channels": part}})
        for number, part in enumerate(in_parts(channels, batch), start=1)
    ]


def _rpc(request: dict[str, Any]) -> str:
    return msgspec.json.encode({"jsonrpc": "2.0", **request}).decode()
