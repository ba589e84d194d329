"""Backpack's stream: four subscriptions for each perpetual, none of which is confirmed.

Only data prove a subscription. Marks come every second, changed or not.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import field

from funding_platform.core.parts import in_parts
from funding_platform.venues.adapters.backpack.rest import Backpack, quote_of
from funding_platform.venues.parsing.fields import US_PER_MS, MaybeReal, Microseconds, Real, Time
from funding_platform.venues.parsing.payloads import Payload, quoted
from funding_platform.venues.parsing.records import dollars
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.streams.contract import (
    Channel,
    Frame,
    Reader,
    Socket,
    StreamSpec,
    VenueStream,
)
from funding_platform.venues.streams.messages import Declined, Message, trading
from funding_platform.venues.streams.sound import frame_of, said_of


class _Event(Payload):
    venue_symbol: str = field(name="s")
    event_us: Microseconds = field(name="E")

    @property
    def event_ms(self) -> int:
        """In milliseconds."""
        return self.event_us // US_PER_MS


class _Mark(_Event):
    predicted_rate: Real = field(name="f")
    next_funding_ms: Time = field(name="n")  # milliseconds, beside an event's microseconds
    mark_price: Real = field(name="p")
    index_price: MaybeReal = field(name="i")


class _Held(_Event):
    open_interest_base: Real = field(name="o")


class _Traded(_Event):
    volume_24h_quote: Real = field(name="V")  # ``v`` is in base

    @property
    def volume_24h_usd(self) -> MaybeReal:
        """Of a quote that counts as a dollar."""
        return dollars(quote_of(self.venue_symbol), self.volume_24h_quote)


class _Quote(_Event):
    bid: MaybeReal = field(name="b")  # ``B`` and ``A`` are sizes
    ask: MaybeReal = field(name="a")

    @property
    def best_bid(self) -> float | None:
        """None where nobody bids."""
        return quoted(self.bid)

    @property
    def best_ask(self) -> float | None:
        """None where nobody asks."""
        return quoted(self.ask)


class _Head(Payload):
    stream: str = ""
    error: Declined | None = None


def _channel(name: str, *values: str, every: int, silence: int, of_each: bool = False) -> Channel:
    return Channel(
        name=name,
        values=values,
        period=timedelta(seconds=every),
        silence=timedelta(seconds=silence),
        of_each=of_each,
    )


_PRICES: Final = ("predicted_rate", "next_funding_ms", "mark_price", "index_price")
_PAYLOADS: Final = (
    (_channel("markPrice", *_PRICES, every=1, silence=5, of_each=True), _Mark),
    (_channel("openInterest", "open_interest_base", every=60, silence=300, of_each=True), _Held),
    (_channel("ticker", "volume_24h_usd", every=1, silence=60), _Traded),
    (_channel("bookTicker", "best_bid", "best_ask", every=1, silence=60), _Quote),
)
_KINDS: Final = {
    channel.name: (channel, Message[Any]("backpack", channel.name, payload, within="data"))
    for channel, payload in _PAYLOADS
}
_HEAD: Final = Message("backpack", "stream", _Head)


class BackpackStream(VenueStream):
    """Marks with rates, open interest, turnover and best quotes, each on a channel of its own."""

    name = "backpack"
    spec = StreamSpec(
        base_url="wss://ws.backpack.exchange",
        channels=tuple(channel for channel, _ in _PAYLOADS),
        messages=Budget("messages", 10, 1),  # nothing is published; 91 in a message went through
        subscriptions=400,
        batch=80,
    )

    def sockets(self) -> Sequence[Socket]:
        """Plan connections per channel, so that one that is broken leaves the others."""
        symbols = trading(self.listings.values(), Backpack.spec)
        return [
            Socket(
                path="/",
                messages=tuple(_subscription(name, few) for few in in_parts(some, self.spec.batch)),
                channels=(name,),
                symbols=tuple(some),
            )
            for name in _KINDS
            for some in in_parts(symbols, self.spec.subscriptions)
        ]

    def reader(self, socket: Socket) -> Reader:
        """Make the reader, which remembers nothing."""
        return self._read

    def _read(self, message: str | bytes) -> Frame:
        head = _HEAD.one(message)
        if head.error is not None:  # which does not say what of a message it declines
            return head.error.frame(self.name, message, {})
        name, _, _ = head.stream.partition(".")  # symbols may have dots, too
        if name not in _KINDS:
            return _HEAD.unknown(message, "$.stream")
        channel, kind = _KINDS[name]
        row = kind.one(message)
        return frame_of(self.name, channel, [said_of(row, channel, row.venue_symbol)])


def _subscription(channel: str, symbols: Sequence[str]) -> str:
    params = [f"{channel}.{symbol}" for symbol in symbols]
    return msgspec.json.encode({"method": "SUBSCRIBE", "params": params}).decode()
