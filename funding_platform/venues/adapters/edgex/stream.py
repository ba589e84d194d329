"""edgeX's stream: tickers of all contracts, of which the first message is whole.

``fundingRate`` of a ticker is the forecast. On the channel of that name it is the rate that was
settled; that channel is not asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from msgspec import Raw, Struct, UnsetType, field, structs

from funding_platform.venues.adapters.edgex.rest import Edgex, Ticker
from funding_platform.venues.errors import ContractError
from funding_platform.venues.parsing.fields import MaybeReal, Real, Time
from funding_platform.venues.parsing.payloads import Payload, Quoted, hours_between
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
from funding_platform.venues.streams.messages import (
    Declined,
    Message,
    changes_to,
    may_trade,
    merged,
    trading,
)
from funding_platform.venues.streams.sound import frame_of, said_of, update_of
from funding_platform.venues.streams.updates import VALUES


class _Ticker(Ticker, Quoted):
    venue_symbol: str = field(name="contractName")
    predicted_rate: Real = field(name="fundingRate")
    funding_time: Time  # when the running interval began
    next_funding_ms: Time = field(name="nextFundingTime")
    market_open: bool
    best_bid_price: MaybeReal = None
    best_ask_price: MaybeReal = None

    @property
    def interval_hours(self) -> float | None:
        """From one payment to the next."""
        return hours_between(self.funding_time, self.next_funding_ms)


class _Quote(Payload, Quoted):
    venue_symbol: str = field(name="contractName")
    best_bid_price: MaybeReal
    best_ask_price: MaybeReal
    event_ms: Time | None = field(name="time", default=None)


class _Head(Payload):
    type: str = ""
    channel: str = ""
    time: Raw = Raw(b"null")
    request: str = ""


class _Content(Payload):
    data_type: str


class _Declined(Declined):
    message: str = field(name="msg", default="")


TICKER: Final = Channel(
    name="ticker.all.1s",
    values=VALUES,
    period=timedelta(seconds=1),
    silence=timedelta(seconds=10),
)
QUOTES: Final = Channel(
    name="bookTicker.all.1s",
    values=("best_bid", "best_ask"),
    period=timedelta(seconds=1),
    silence=timedelta(seconds=10),
)
_REQUIRED: Final = {said.name for said in structs.fields(_Ticker) if said.required}
_CHANGES: Final[Any] = changes_to(_Ticker, named_by="venue_id")
_HEAD: Final = Message("edgex", "stream", _Head)
_CONTENT: Final = Message("edgex", "stream", _Content, within="content")
_DECLINED: Final = Message("edgex", "stream", _Declined, within="content")
_WHOLE: Final = Message("edgex", TICKER.name, list[_Ticker], within="content.data")
_CHANGED: Final = Message[list[Any]](
    "edgex",
    TICKER.name,
    list[_CHANGES],
    within="content.data",
)
_QUOTED: Final = Message("edgex", QUOTES.name, list[_Quote], within="content.data")


class EdgexStream(VenueStream):
    """Tickers and best quotes by the second, of what changed."""

    name = "edgex"
    spec = StreamSpec(
        base_url="wss://edgex-quote-prod-v2.edgex.exchange",
        channels=(TICKER, QUOTES),
        messages=Budget("messages", 10, 1),  # none is published
        subscriptions=1,
        batch=1,
    )

    def sockets(self) -> Sequence[Socket]:
        """Plan a connection per channel, so that one that is broken leaves the other."""
        symbols = tuple(trading(self.listings.values(), Edgex.spec))
        return [
            Socket(
                path="/api/v1/public/ws",
                messages=(f'{{"type":"subscribe","channel":"{channel.name}"}}',),
                channels=(channel.name,),
                symbols=symbols,
            )
            for channel in self.spec.channels
        ]

    def reader(self, socket: Socket) -> Reader:
        """Make the reader, which remembers the tickers: of what changes, only that may come."""
        return _Reading(self.listings).read


class _Reading:
    """Reads the messages of one connection."""

    def __init__(self, listings: Mapping[str, Listing]) -> None:
        self._listings = listings
        self._tickers: dict[str, _Ticker] = {}

    def read(self, message: str | bytes) -> Frame:
        head = _HEAD.one(message)
        match head.type:
            case "quote-event" if head.channel == TICKER.name:
                return self._of_tickers(message)
            case "quote-event" if head.channel == QUOTES.name:
                return self._of_quotes(message)
            case "ping":
                return Frame(answer=f'{{"type":"pong","time":{bytes(head.time).decode()}}}')
            case "error":
                asked = f"{head.request}, "
                return _DECLINED.one(message).frame(EdgexStream.name, message, {}, asked)
            case "connected" | "subscribed" | "unsubscribed" | "pong":
                return NOTHING
        return _HEAD.unknown(message, "$.type")

    def _of_tickers(self, message: str | bytes) -> Frame:
        is_whole = _CONTENT.one(message).data_type.lower() == "snapshot"
        rows, unread = _WHOLE.read(message) if is_whole else self._merged(message)
        listings = self._listings
        self._tickers.update((row.venue_id, row) for row in rows if row.venue_symbol in listings)
        updates = [
            update_of(MarketRow.of(row, listings.get(row.venue_symbol)), TICKER.values, None)
            for row in rows
            if row.market_open and may_trade(listings.get(row.venue_symbol), Edgex.spec)
        ]
        return frame_of(EdgexStream.name, TICKER, updates, unread)

    def _of_quotes(self, message: str | bytes) -> Frame:
        rows, unread = _QUOTED.read(message)
        updates = [
            said_of(row, QUOTES, row.venue_symbol)
            for row in rows
            if may_trade(self._listings.get(row.venue_symbol), Edgex.spec)
        ]
        return frame_of(EdgexStream.name, QUOTES, updates, unread)

    def _merged(self, message: str | bytes) -> tuple[list[_Ticker], list[ContractError]]:
        """Read what changed into the tickers that are known; new ones come whole."""
        changes, unread = _CHANGED.read(message)
        rows: list[_Ticker] = []
        for row in changes:
            known = self._tickers.get(row.venue_id) or _whole(row)
            if known is not None:
                rows.append(merged(known, row))
            else:
                complaint = f"contract {row.venue_id} changes before it has come whole"
                unread.append(_CHANGED.broken(complaint, message, "$.content.data"))
        return rows, unread


def _whole(changes: Struct) -> _Ticker | None:
    """Return the ticker of which everything changed; None where something is left out."""
    said = {
        name: value
        for name, value in structs.asdict(changes).items()
        if not isinstance(value, UnsetType)
    }
    return _Ticker(**said) if said.keys() >= _REQUIRED else None
