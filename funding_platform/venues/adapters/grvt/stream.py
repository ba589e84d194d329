"""GRVT's stream: the REST tickers, one subscription for each, every second."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from funding_platform.core.parts import in_parts
from funding_platform.venues.adapters.grvt.rest import MEANINGS, Grvt, Ticker
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.parsing.fields import NS_PER_MS, Nanoseconds, Real
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing, MarketRow
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


class _Feed(Ticker, kw_only=True):
    event_time: Nanoseconds
    funding_interval_hours: Real = 0.0

    def record(self, listing: Listing | None) -> MarketRow:
        """As a record; what the message does not say is in the listing."""
        hours = self.funding_interval_hours or (listing and listing.interval_hours)
        return MarketRow.of(self, listing, interval_hours=hours)


class _Subscribed(Payload):
    subs: tuple[str, ...] = ()


class _Head(Payload):
    stream: str | None = None
    id: int | None = None
    result: _Subscribed | None = None
    error: Declined | None = None
    code: int | None = None  # of an error that answers nothing of ours
    message: str = ""


_EVERY_MS: Final = 1_000
"""A rate of the client's choice: 500, 1000 or 5000."""

TICKER: Final = Channel(
    name="v1.ticker.s",
    values=VALUES,
    period=timedelta(milliseconds=_EVERY_MS),
    silence=timedelta(seconds=10),
    of_each=True,
)
_HEAD: Final = Message("grvt", TICKER.name, _Head)
_FEED: Final = Message("grvt", TICKER.name, _Feed, within="feed")


class GrvtStream(VenueStream):
    """Everything of a perpetual on one channel."""

    name = "grvt"
    spec = StreamSpec(
        base_url="wss://market-data.grvt.io",
        channels=(TICKER,),
        messages=Budget("messages", 10, 1),  # no limit is published, neither are those below
        subscriptions=400,
        batch=100,
    )

    def sockets(self) -> Sequence[Socket]:
        """Plan connections of so many subscriptions."""
        return [
            Socket(
                path="/ws/full",
                messages=tuple(
                    _subscription(number, batch)
                    for number, batch in enumerate(in_parts(symbols, self.spec.batch), start=1)
                ),
                channels=(TICKER.name,),
                symbols=tuple(symbols),
            )
            for symbols in in_parts(
                trading(self.listings.values(), Grvt.spec), self.spec.subscriptions
            )
        ]

    def reader(self, socket: Socket) -> Reader:
        """Make the reader, which knows what was asked for: what is not confirmed is refused."""
        asked = {
            said["id"]: said["params"]["selectors"]
            for said in map(msgspec.json.decode, socket.messages)
        }

        def read(message: str | bytes) -> Frame:
            head = _HEAD.one(message)
            if head.stream == TICKER.name:
                return self._ticker(message)
            error = head.error or (None if head.code is None else Declined(head.code, head.message))
            if error is not None:
                of = f"{len(asked.get(head.id, ()))} subscriptions, "
                return error.frame(self.name, message, MEANINGS, of)
            if head.result is not None:
                return self._confirmed(head.result, asked.get(head.id, ()), message)
            return _HEAD.unknown(message, "$")

        return read

    def _ticker(self, message: str | bytes) -> Frame:
        feed = _FEED.one(message)
        record = feed.record(self.listings.get(feed.venue_symbol))
        update = update_of(record, TICKER.values, feed.event_time // NS_PER_MS)
        return frame_of(self.name, TICKER, [update])

    def _confirmed(self, said: _Subscribed, asked: Collection[str], message: str | bytes) -> Frame:
        missing = [selector for selector in asked if selector not in said.subs]
        if not missing:
            return NOTHING
        named = f"{len(missing)} of {len(asked)}: {', '.join(missing[:5])}"
        return Frame(refused=refused(UnknownSymbolError, named, self.name, message))


def _subscription(number: int, symbols: Sequence[str]) -> str:
    selectors = [f"{symbol}@{_EVERY_MS}" for symbol in symbols]
    message: dict[str, Any] = {
        "jsonrpc": "2.0",
        "method": "subscribe",
        "params": {"stream": TICKER.name, "selectors": selectors},
        "id": number,
    }
    return msgspec.json.encode(message).decode()
