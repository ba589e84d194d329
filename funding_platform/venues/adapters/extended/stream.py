"""Extended's stream: one channel of all markets on each socket, and no message of ours.

Whether its funding channel tells the rate that runs or the one that was settled is unknown, and
open interest is on none: both come from REST alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple

from msgspec import field

from funding_platform.venues.adapters.extended.rest import Extended
from funding_platform.venues.parsing.fields import Real, Time, Whole
from funding_platform.venues.parsing.payloads import Payload, quoted
from funding_platform.venues.rest.http import USER_AGENT
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
from funding_platform.venues.streams.messages import Message, may_trade, trading
from funding_platform.venues.streams.sound import frame_of
from funding_platform.venues.streams.updates import MarketUpdate


class _Price(Payload):
    venue_symbol: str = field(name="m")
    price: Real = field(name="p")
    ts: Time = 0  # always 0 so far


class _Level(Payload):
    price: Real = field(name="p")


class _Book(Payload):
    """One level deep every message is whole, so that no change of a size has to be read."""

    t: Literal["SNAPSHOT"]
    venue_symbol: str = field(name="m")
    bids: list[_Level] = field(name="b")
    asks: list[_Level] = field(name="a")
    ts: Time = 0

    @property
    def best(self) -> dict[str, float | None]:
        """The first of each side, None where a side is empty."""
        sides = {"best_bid": self.bids, "best_ask": self.asks}
        return {name: quoted(side[0].price) if side else None for name, side in sides.items()}


class _OfPrice(Payload):
    ts: Time
    seq: Whole
    data: _Price


class _OfBook(Payload):
    ts: Time
    seq: Whole
    data: _Book


class _Kind(NamedTuple):
    """A channel, where it is, and what its messages say."""

    channel: Channel
    path: str
    message: Message[Any]
    said: Callable[[Any], dict[str, Any]]


def _prices(name: str, value: str) -> _Kind:
    every, silence = timedelta(seconds=1), timedelta(seconds=15)
    channel = Channel(name=name, values=(value,), period=every, silence=silence)
    message = Message("extended", name, _OfPrice)
    return _Kind(channel, f"/prices/{name}", message, lambda data: {value: data.price})


BOOK: Final = Channel(
    name="orderbooks",
    values=("best_bid", "best_ask"),
    period=timedelta(seconds=1),
    silence=timedelta(seconds=15),
)
_KINDS: Final = {
    kind.channel.name: kind
    for kind in (
        _prices("mark", "mark_price"),
        _prices("index", "index_price"),
        _Kind(
            BOOK,
            "/orderbooks?depth=1",
            Message("extended", BOOK.name, _OfBook),
            lambda data: data.best,
        ),
    )
}


class ExtendedStream(VenueStream):
    """Prices and best quotes; a gap in the numbers of a socket's messages is a loss."""

    name = "extended"
    spec = StreamSpec(
        base_url="wss://api.starknet.extended.exchange/stream.extended.exchange/v1",
        channels=tuple(kind.channel for kind in _KINDS.values()),
        messages=Budget("messages", 1, 1),  # none is ever sent
        subscriptions=1,
        batch=1,
        headers={"User-Agent": USER_AGENT},
    )

    def sockets(self) -> Sequence[Socket]:
        """Plan one connection per channel: its address is the subscription."""
        symbols = tuple(trading(self.listings.values(), Extended.spec))
        return [
            Socket(path=kind.path, messages=(), channels=(name,), symbols=symbols)
            for name, kind in _KINDS.items()
        ]

    def reader(self, socket: Socket) -> Reader:
        """Make the reader, which remembers the number of the last message."""
        kind = _KINDS[socket.channels[0]]
        last = 0  # they are counted from 1

        def read(message: str | bytes) -> Frame:
            nonlocal last
            said = kind.message.one(message)
            if said.seq <= last:
                return NOTHING  # it came already
            missed = said.seq > last + 1
            last = said.seq
            symbol = said.data.venue_symbol
            update = MarketUpdate(
                venue_symbol=symbol,
                event_ms=said.data.ts or said.ts,
                **kind.said(said.data),
            )
            counts = may_trade(self.listings.get(symbol), Extended.spec)
            frame = frame_of(self.name, kind.channel, [update] if counts else [])
            return replace(frame, restart=missed)

        return read
