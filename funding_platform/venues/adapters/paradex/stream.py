"""Paradex's stream: the REST summaries one by one, options among them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec import field

from funding_platform.venues.adapters.paradex.rest import Paradex, Summary
from funding_platform.venues.parsing.fields import RealOrBlank, Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import MarketRow
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
from funding_platform.venues.streams.messages import Declined, Message, trading
from funding_platform.venues.streams.sound import frame_of, update_of
from funding_platform.venues.streams.updates import values_but


class _Summary(Summary):
    """What there is none of is an empty text, never null."""

    predicted_rate: RealOrBlank = field(name="funding_rate")  # of a period that the listing tells
    mark_price: RealOrBlank
    created_at: Time


class _OfChannel(Payload):
    channel: str


class _Head(Payload):
    params: _OfChannel | None = None  # of data
    result: _OfChannel | None = None
    error: Declined | None = None


SUMMARY: Final = Channel(
    name="markets_summary",
    values=values_but("interval_hours", "next_funding_ms"),
    period=timedelta(seconds=1),
    silence=timedelta(seconds=15),
    of_each=True,
)
_HEAD: Final = Message("paradex", SUMMARY.name, _Head)
_ROW: Final = Message("paradex", SUMMARY.name, _Summary, within="params.data")


class ParadexStream(VenueStream):
    """The market of all perpetuals; funding accrues by the second, so no next payment is told."""

    name = "paradex"
    spec = StreamSpec(
        base_url="wss://ws.api.prod.paradex.trade",
        channels=(SUMMARY,),
        messages=Budget("messages", 10, 1),  # none is published
        subscriptions=1,
        batch=1,
    )

    def sockets(self) -> Sequence[Socket]:
        """Plan the one connection."""
        return [
            Socket(
                path="/v1",
                messages=(
                    '{"jsonrpc":"2.0","id":1,"method":"subscribe",'
                    '"params":{"channel":"markets_summary"}}',
                ),
                channels=(SUMMARY.name,),
                symbols=tuple(trading(self.listings.values(), Paradex.spec)),
            )
        ]

    def reader(self, socket: Socket) -> Reader:
        """Make the reader, which remembers nothing."""
        return self._read

    def _read(self, message: str | bytes) -> Frame:
        head = _HEAD.one(message)
        if head.error is not None:
            return head.error.frame(self.name, message, {})
        if head.result is not None:
            return NOTHING
        if head.params is not None and head.params.channel == SUMMARY.name:
            return self._summary(message)
        return _HEAD.unknown(message, "$.params")

    def _summary(self, message: str | bytes) -> Frame:
        row = _ROW.one(message)
        if not row.is_perpetual:
            return NOTHING
        update = update_of(MarketRow.of(row), SUMMARY.values, row.created_at)
        return frame_of(self.name, SUMMARY, [update])
