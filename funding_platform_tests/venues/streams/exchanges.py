"""Streams of exchanges, each with some perpetuals that it lists."""

from collections.abc import Sequence
from typing import Any

from funding_platform.venues.adapters.aster.stream import AsterStream
from funding_platform.venues.adapters.binance.stream import BinanceStream
from funding_platform.venues.adapters.bybit.stream import BybitStream
from funding_platform.venues.adapters.deribit.stream import DeribitStream
from funding_platform.venues.adapters.hyperliquid.stream import HyperliquidStream
from funding_platform.venues.adapters.okx.stream import OkxStream
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.streams.contract import Reader, VenueStream

STREAMS: dict[str, type[VenueStream]] = {
    kind.name: kind
    for kind in (
        BinanceStream,
        BybitStream,
        OkxStream,
        DeribitStream,
        HyperliquidStream,
        AsterStream,
    )
}
TRADING = {
    "binance": "TRADING",
    "bybit": "Trading",
    "okx": "live",
    "deribit": "active",
    "hyperliquid": "listed",
    "aster": "TRADING",
}
INVERSE = ("BTC-PERPETUAL", "BTCUSD", "BTC-USD-SWAP", "BTCUSD_PERP")
BTC = {
    "binance": "BTCUSDT",
    "bybit": "BTCUSDT",
    "okx": "BTC-USDT-SWAP",
    "deribit": "BTC-PERPETUAL",
    "hyperliquid": "BTC",
    "aster": "BTCUSDT",
}


def listing(venue: str, symbol: str, **facts: Any) -> Listing:
    """A perpetual that the venue lists, by default one that trades."""
    is_inverse = symbol in INVERSE
    stated = {
        "base": "BTC",
        "quote": "USD" if is_inverse else "USDT",
        "settle": "BTC" if is_inverse else "USDT",
        "contract_type": "inverse" if is_inverse else "linear",
        "status": TRADING[venue],
    }
    return Listing(venue_symbol=symbol, **(stated | facts))


def stream_of(venue: str, symbols: Sequence[str] | None = None) -> VenueStream:
    """The stream of a venue that lists these; by default one on bitcoin."""
    wanted = [BTC[venue]] if symbols is None else symbols
    return STREAMS[venue](listing(venue, symbol) for symbol in wanted)


def reader_of(venue: str, symbols: Sequence[str] | None = None) -> Reader:
    """What reads the messages of its first socket."""
    stream = stream_of(venue, symbols)
    return stream.reader(stream.sockets()[0])
