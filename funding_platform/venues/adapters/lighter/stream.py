"""Lighter's stream: percent per hour and open interest in dollars, where REST has neither."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from msgspec import UNSET, Raw, UnsetType, field

from funding_platform.core.time_grid import hour_after
from funding_platform.venues.adapters.lighter.rest import Lighter
from funding_platform.venues.errors import ContractError, RateLimitedError, VenueError
from funding_platform.venues.parsing.fields import MaybeReal, Percent, Real, Time
from funding_platform.venues.parsing.payloads import Payload, SymbolRow, fraction
from funding_platform.venues.parsing.records import MarketRow
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
from funding_platform.venues.streams.messages import Declined, Message, may_trade, trading
from funding_platform.venues.streams.sound import frame_of, update_of
from funding_platform.venues.streams.updates import values_but


class _Stats(SymbolRow, rename=None):
    percent: Percent = field(name="current_funding_rate")  # per hour, of the payment to come
    mark_price: Real
    index_price: Real
    open_interest_usd: Real = field(name="open_interest")
    volume_24h_usd: Real = field(name="daily_quote_token_volume")
    best_bid: MaybeReal | UnsetType = field(name="best_bid_price", default=UNSET)  # since July 2026
    best_ask: MaybeReal | UnsetType = field(name="best_ask_price", default=UNSET)

    @property
    def predicted_rate(self) -> float:
        """As a fraction."""
        return fraction(self.percent)

    @property
    def open_interest_base(self) -> float | None:
        """At the mark, by which REST counts its dollars."""
        return self.open_interest_usd / self.mark_price if self.mark_price else None


class _Head(Payload):
    type: str = ""
    error: Declined | None = None


class _Data(Payload, rename=None):
    channel: str
    timestamp: Time  # a market's own ``funding_timestamp`` is of the last payment


STATS: Final = Channel(
    name="market_stats",
    values=values_but("interval_hours"),
    period=timedelta(seconds=0.5),
    silence=timedelta(seconds=10),
)
_HEAD: Final = Message("lighter", STATS.name, _Head)
_DATA: Final = Message("lighter", STATS.name, _Data)
_ONE: Final = Message("lighter", STATS.name, _Stats, within="market_stats")
_ALL: Final = Message("lighter", STATS.name, dict[str, _Stats], within="market_stats")
_RAW: Final = Message("lighter", STATS.name, dict[str, Raw], within="market_stats")
_ROWS: Final = Message("lighter", STATS.name, list[_Stats])
_SPOT: Final = "/"
"""Stands between the two coins of a spot market, such as SKY/USDC; in no perpetual's name."""

_ALREADY_SUBSCRIBED: Final = 30003
_MEANINGS: Final[Mapping[str | int, type[VenueError]]] = {30009: RateLimitedError}


class LighterStream(VenueStream):
    """Everything of all markets in one subscription; after the first frame, what changed."""

    name = "lighter"
    spec = StreamSpec(
        base_url="wss://mainnet.zklighter.elliot.ai",
        channels=(STATS,),
        messages=Budget("messages", 200, 60),
        subscriptions=500,
        batch=1,
        heartbeat=Heartbeat(message='{"type":"ping"}', every=timedelta(seconds=30)),
        lifetime=timedelta(minutes=20),  # none is documented; cuts after 20 to 30 are reported
    )

    def sockets(self) -> Sequence[Socket]:
        """Plan the one connection."""
        return [
            Socket(
                path="/stream",
                messages=('{"type":"subscribe","channel":"market_stats/all"}',),
                channels=(STATS.name,),
                symbols=tuple(trading(self.listings.values(), Lighter.spec)),
            )
        ]

    def reader(self, socket: Socket) -> Reader:
        """Make the reader, which remembers nothing: each market comes whole."""
        return self._read

    def _read(self, message: str | bytes) -> Frame:
        head = _HEAD.one(message)
        if head.error is not None:  # which does not say of which subscription it is
            if head.error.code == _ALREADY_SUBSCRIBED:  # and no snapshot follows
                return Frame(restart=True)
            return head.error.frame(self.name, message, _MEANINGS)
        match head.type:
            case "subscribed/market_stats" | "update/market_stats":
                return self._stats(message)
            case "ping":
                return Frame(answer='{"type":"pong"}')
            case "connected" | "pong" | "unsubscribed":
                return NOTHING
        return _HEAD.unknown(message, "$.type")

    def _stats(self, message: str | bytes) -> Frame:
        data = _DATA.one(message)
        of_all = data.channel == "market_stats:all"
        rows, unread = _by_id(message) if of_all else ([_ONE.one(message)], [])
        updates = [
            update_of(
                MarketRow.of(row, next_funding_ms=hour_after(data.timestamp)),
                STATS.values,
                data.timestamp,
            )
            for row in rows
            if _SPOT not in row.venue_symbol
            and may_trade(self.listings.get(row.venue_symbol), Lighter.spec)
        ]
        return frame_of(self.name, STATS, updates, unread)


def _by_id(message: str | bytes) -> tuple[list[_Stats], list[ContractError]]:
    """Read markets that come by their ids, of which single ones may be bad."""
    try:
        return [*_ALL.one(message).values()], []
    except ContractError as error:
        try:
            return _ROWS.read(b"[" + b",".join(map(bytes, _RAW.one(message).values())) + b"]")
        except ContractError:
            raise error from None
