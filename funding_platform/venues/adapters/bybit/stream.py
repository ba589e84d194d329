"""Bybit's stream: a topic per perpetual, whole once and then only what changed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, field, structs

from funding_platform.core.parts import in_parts
from funding_platform.venues.adapters.bybit.rest import Bybit, Ticker, category, market
from funding_platform.venues.errors import RequestError
from funding_platform.venues.parsing.fields import MaybeTime
from funding_platform.venues.parsing.payloads import Payload, present
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
from funding_platform.venues.streams.messages import (
    Message,
    changes_to,
    refused,
    trading,
)
from funding_platform.venues.streams.sound import frame_of, update_of
from funding_platform.venues.streams.updates import VALUES

_TICKERS: Final = Channel(
    name="tickers",
    values=VALUES,
    period=timedelta(milliseconds=100),  # where something changed
    silence=timedelta(seconds=60),
    of_each=True,
)


_HELD: Final = ("open_interest_base", "open_interest_usd")
_PRICES: Final = ("mark_price", "index_price")
_DUE: Final = ("next_funding_ms", "interval_hours")
_TOGETHER: Final = {
    **dict.fromkeys(("open_interest", "open_interest_value"), _HELD),
    **dict.fromkeys(("single_open_interest", "single_open_interest_value"), _HELD),
    **dict.fromkeys(("volume24h", "turnover24h"), ("volume_24h_usd",)),
    **dict.fromkeys(_PRICES, _PRICES),
    **dict.fromkeys(_DUE, _DUE),
}
"""Which values follow from a field of the wire, or are judged together with it."""


class _Head(Payload):
    topic: str = ""
    type: str = ""
    time_ms: MaybeTime = field(name="ts", default=None)
    success: bool = True
    said: str = field(name="ret_msg", default="")


_HEAD: Final = Message[_Head]("bybit", "", _Head)
_SNAPSHOT: Final = Message[Ticker]("bybit", _TICKERS.name, Ticker, within="data")
_DELTA: Final = Message[Ticker]("bybit", _TICKERS.name, changes_to(Ticker), within="data")


class BybitStream(VenueStream):
    """The public streams of the categories linear and inverse, one path each."""

    name = "bybit"
    spec = StreamSpec(
        base_url="wss://stream.bybit.com",
        channels=(_TICKERS,),
        messages=Budget("messages", 10, 1),
        subscriptions=700,  # the topics of a socket have 21,000 characters
        batch=100,
        heartbeat=Heartbeat(message='{"op":"ping"}', every=timedelta(seconds=20)),
    )

    def sockets(self) -> list[Socket]:
        """Plan sockets of so many topics, by category."""
        symbols = trading(self.listings.values(), Bybit.spec)
        return [
            Socket(
                path=f"/v5/public/{kind}",
                messages=tuple(map(_subscription, in_parts(part, self.spec.batch))),
                channels=(_TICKERS.name,),
                symbols=tuple(part),
            )
            for kind in ("linear", "inverse")
            for part in in_parts(
                [symbol for symbol in symbols if category(symbol) == kind], self.spec.subscriptions
            )
        ]

    def reader(self, socket: Socket) -> Reader:
        """Remember each perpetual as a whole, and change what a message changes."""
        known: dict[str, _Known] = {}

        def read(message: str | bytes) -> Frame:
            head = _HEAD.one(message)
            if not head.success:
                return Frame(refused=refused(RequestError, head.said, "bybit", message))
            channel, _, symbol = head.topic.partition(".")
            if channel != _TICKERS.name or symbol not in self.listings:
                return NOTHING
            values, event_ms = VALUES, present(head.time_ms)
            if head.type == "snapshot":
                known[symbol] = _Known(_SNAPSHOT.one(message))
            elif symbol in known:
                values, event_ms = known[symbol].change(_DELTA.one(message), event_ms)
            else:
                return NOTHING  # a change of what is not known yet
            update = update_of(market(known[symbol].ticker), values, event_ms)
            return frame_of("bybit", _TICKERS, [update])

        return read


class _Known:
    """A perpetual as it stands.

    Changes may come out of order: what a field has been changed to since stays, and of the values
    that are told again each is as new as it was told to be.
    """

    def __init__(self, ticker: Ticker) -> None:
        self.ticker = ticker
        self._said_ms: dict[str, int] = {}
        self._told_ms: dict[str, int] = {}

    def change(self, change: Any, at_ms: int | None) -> tuple[tuple[str, ...], int | None]:
        """Take a change; return the values that it touches, and of when they are.

        The others are of another time than it.
        """
        said = {
            name: value
            for name in change.__struct_fields__
            if (value := getattr(change, name)) is not UNSET
        }
        if at_ms is not None:
            for name in [name for name in said if self._said_ms.get(name, 0) > at_ms]:
                del said[name]
            self._said_ms.update(dict.fromkeys(said, at_ms))
        self.ticker = structs.replace(self.ticker, **said)
        touched = {value for name in said for value in _TOGETHER.get(name, (name,))}
        values = tuple(value for value in VALUES if value in touched)
        if at_ms is None:
            return values, None
        told_ms = max((at_ms, *(self._told_ms.get(value, 0) for value in values)))
        self._told_ms.update(dict.fromkeys(values, told_ms))
        return values, told_ms


def _subscription(symbols: Sequence[str]) -> str:
    topics = [f"tickers.{symbol}" for symbol in symbols]
    return msgspec.json.encode({"op": "subscribe", "args": topics}).decode()
