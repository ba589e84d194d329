"""Hyperliquid's stream: every exchange's contexts in one list without names, and each coin's own.

A subscription with a coin that does not exist closes its socket without a word. So the list, which
names no coin, has a socket of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final, TypeGuard

import msgspec
from msgspec import UNSET, Meta, field

from funding_platform.core.parts import in_parts
from funding_platform.core.time_grid import HOUR, floor_hour, to_ms
from funding_platform.venues.adapters.hyperliquid.rest import Context, Hyperliquid
from funding_platform.venues.errors import RequestError, UnknownSymbolError
from funding_platform.venues.parsing.fields import Real, Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing, MarketRow
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
from funding_platform.venues.streams.sound import frame_of, update_of
from funding_platform.venues.streams.updates import MarketUpdate

_SECOND: Final = timedelta(seconds=1)
_CONTEXT: Final = (
    *("predicted_rate", "interval_hours", "next_funding_ms", "mark_price", "index_price"),
    *("open_interest_base", "open_interest_usd", "volume_24h_usd"),
)
_ALL: Final = Channel(
    name="allDexsAssetCtxs",
    values=_CONTEXT,
    period=13.6 * _SECOND,
    silence=60 * _SECOND,
    of_each=True,
)
_EACH: Final = Channel(
    name="activeAssetCtx", values=_CONTEXT, period=_SECOND, silence=10 * _SECOND, of_each=True
)
_QUOTES: Final = Channel(
    name="bbo", values=("best_bid", "best_ask"), period=_SECOND, silence=60 * _SECOND
)
_MOST_SUBSCRIPTIONS: Final = 1_000
"""Of one address, on all its sockets."""


class _Level(Payload):
    px: Real


class _Quotes(Payload):
    coin: str
    event_ms: Time = field(name="time")
    bbo: Annotated[list[_Level | None], Meta(max_length=2)]


class _OfCoin(Payload):
    coin: str
    ctx: Context


class _Head(Payload):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


_HEAD: Final = Message[_Head]("hyperliquid", "", _Head)
_CONTEXTS: Final = Message[list[tuple[str, list[Context]]]](
    "hyperliquid", _ALL.name, list[tuple[str, list[Context]]], within="data.ctxs"
)
_COIN: Final = Message[_OfCoin]("hyperliquid", _EACH.name, _OfCoin, within="data")
_BBO: Final = Message[_Quotes]("hyperliquid", _QUOTES.name, _Quotes, within="data")


class HyperliquidStream(VenueStream):
    """Contexts of all exchanges, those of each coin every second, and best quotes.

    The list of all has to be read by position, so ``listings`` are all that REST lists, in its
    order, delisted ones included.
    """

    name = "hyperliquid"
    spec = StreamSpec(
        base_url="wss://api.hyperliquid.xyz",
        channels=(_ALL, _EACH, _QUOTES),
        messages=Budget("messages", 220, 60),  # 2,000 of one address, on up to ten sockets
        subscriptions=200,
        batch=1,
        heartbeat=Heartbeat(message='{"method":"ping"}', every=30 * _SECOND),
    )

    def sockets(self) -> list[Socket]:
        """Plan one socket for the list, and the others coin by coin; quotes as far as they fit."""
        coins = trading(self.listings.values(), Hyperliquid.spec)
        return [
            _socket([{"type": _ALL.name}], (_ALL,), coins),
            *(
                _socket([{"type": channel.name, "coin": coin} for coin in part], (channel,), part)
                for channel, wanted in (
                    (_EACH, coins[: _MOST_SUBSCRIPTIONS - 1]),
                    (_QUOTES, coins[: max(0, _MOST_SUBSCRIPTIONS - 1 - len(coins))]),
                )
                for part in in_parts(wanted, self.spec.subscriptions)
            ),
        ]

    def reader(self, socket: Socket) -> Reader:
        """Join the list to the listings by position; the others name their coin."""
        universes: defaultdict[str, list[Listing]] = defaultdict(list)
        for symbol, listing in self.listings.items():
            universes[symbol.rpartition(":")[0]].append(listing)

        def read(message: str | bytes) -> Frame:
            head = _HEAD.one(message)
            if head.channel == _ALL.name:
                return self._all(message, universes)
            if head.channel == _EACH.name:
                of = _COIN.one(message)
                listing = self.listings.get(of.coin)
                updates = [self._update(listing, of.ctx)] if _is_listed(listing) else []
                return frame_of("hyperliquid", _EACH, updates)
            if head.channel == _QUOTES.name:
                return self._quotes(_BBO.one(message))
            if head.channel == "error" and b"Already subscribed" not in bytes(head.data):
                said = bytes(head.data).decode(errors="replace")
                return Frame(refused=refused(RequestError, said, "hyperliquid", message))
            return NOTHING

        return read

    def _all(self, message: str | bytes, universes: Mapping[str, list[Listing]]) -> Frame:
        """Pair each exchange's contexts with its universe.

        One that has grown since it was listed is read no more, until it is listed anew.
        """
        exchanges, unread = _CONTEXTS.read(message)
        updates, grown = [], []
        for dex, contexts in exchanges:
            universe = universes.get(dex, [])
            if len(universe) == len(contexts):
                pairs = zip(universe, contexts, strict=True)
                updates += [self._update(row, context) for row, context in pairs if _is_listed(row)]
            else:
                grown.append(f"{dex or 'core'} has {len(contexts)}, not {len(universe)}")
        frame = frame_of("hyperliquid", _ALL, updates, unread)
        if not grown:
            return frame
        said = f"contexts of other coins than are listed: {', '.join(grown)}"
        error = UnknownSymbolError(
            said, venue="hyperliquid", endpoint=_ALL.name, payload=message, path="$.data.ctxs"
        )
        return replace(frame, refused=error)

    def _update(self, listing: Listing, context: Context) -> MarketUpdate:
        row = MarketRow.of(
            context,
            venue_symbol=listing.venue_symbol,
            quote=listing.quote,
            interval_hours=1.0,
            next_funding_ms=to_ms(floor_hour(self.clock()) + HOUR),
        )
        return update_of(row, _CONTEXT, None)

    def _quotes(self, row: _Quotes) -> Frame:
        """Read the best quotes; an old form leaves out a side, of which nothing is known then."""
        if row.coin not in self.listings:
            return NOTHING
        bid, ask = (
            level.px if isinstance(level, _Level) else level
            for level in (*row.bbo, UNSET, UNSET)[:2]
        )
        update = MarketUpdate(
            venue_symbol=row.coin, event_ms=row.event_ms, best_bid=bid, best_ask=ask
        )
        return frame_of("hyperliquid", _QUOTES, [update])


def _is_listed(listing: Listing | None) -> TypeGuard[Listing]:
    """Tell whether REST would give its market."""
    return listing is not None and listing.status != "delisted"


def _socket(
    subscriptions: Iterable[dict[str, str]], channels: Sequence[Channel], symbols: Sequence[str]
) -> Socket:
    """Plan a socket: one subscription in a message, for several are refused."""
    requests = ({"method": "subscribe", "subscription": wanted} for wanted in subscriptions)
    return Socket(
        path="/ws",
        messages=tuple(msgspec.json.encode(request).decode() for request in requests),
        channels=tuple(channel.name for channel in channels),
        symbols=tuple(symbols),
    )
