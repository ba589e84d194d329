"""Streams of venues on chains, each with some perpetuals that it lists."""

from collections.abc import Sequence

from funding_platform.venues.adapters.backpack.stream import BackpackStream
from funding_platform.venues.adapters.edgex.stream import EdgexStream
from funding_platform.venues.adapters.extended.stream import ExtendedStream
from funding_platform.venues.adapters.grvt.stream import GrvtStream
from funding_platform.venues.adapters.lighter.stream import LighterStream
from funding_platform.venues.adapters.paradex.stream import ParadexStream
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.contract import Reader, VenueStream
from funding_platform.venues.streams.updates import MarketUpdate

STREAMS: dict[str, type[VenueStream]] = {
    kind.name: kind
    for kind in (
        LighterStream,
        ExtendedStream,
        ParadexStream,
        EdgexStream,
        GrvtStream,
        BackpackStream,
    )
}
TRADING = {
    "lighter": "active",
    "extended": "ACTIVE",
    "paradex": "listed",
    "edgex": "live",
    "grvt": "active",
    "backpack": "Open",
}
QUOTES = {"extended": "USD", "paradex": "USD", "grvt": "USDT"}


def listing(
    venue: str, symbol: str, hours: float | None = 8.0, status: str | None = None
) -> Listing:
    """A perpetual that the venue lists, by default one that trades."""
    return Listing.linear(
        venue_symbol=symbol,
        base=symbol,
        quote=QUOTES.get(venue, "USDC"),
        status=TRADING[venue] if status is None else status,
        interval_hours=hours,
    )


def stream_of(venue: str, symbols: Sequence[str] = (), hours: float | None = 8.0) -> VenueStream:
    """The stream of a venue that lists these."""
    return STREAMS[venue](listing(venue, symbol, hours) for symbol in symbols)


def reader_of(
    venue: str,
    symbols: Sequence[str] = ("BTC",),
    channel: str | None = None,
    hours: float = 8.0,
) -> Reader:
    """What reads the messages of its first socket, or of the one with a channel."""
    stream = stream_of(venue, symbols, hours)
    wanted = (s for s in stream.sockets() if channel is None or channel in s.channels)
    return stream.reader(next(wanted))


def only(updates: Sequence[MarketUpdate]) -> MarketUpdate:
    """The one update that there is."""
    [update] = updates
    return update
