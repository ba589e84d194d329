"""Which venues have a stream, and where each is declared.

A stream is imported only when it is asked for. Venues that are not here are polled by REST.
"""

import importlib
from typing import Final

from funding_platform.venues.streams.contract import VenueStream

_STREAMS: Final = {
    "binance": "BinanceStream",
    "bybit": "BybitStream",
    "okx": "OkxStream",
    "deribit": "DeribitStream",
    "hyperliquid": "HyperliquidStream",
    "lighter": "LighterStream",
    "extended": "ExtendedStream",
    "paradex": "ParadexStream",
    "edgex": "EdgexStream",
    "grvt": "GrvtStream",
    "backpack": "BackpackStream",
    "aster": "AsterStream",
}
"""Class of each venue, in ``venues.adapters.<venue>.stream``."""


def stream_names() -> tuple[str, ...]:
    """Return the names of the venues that have a stream."""
    return tuple(_STREAMS)


def stream_class(name: str) -> type[VenueStream] | None:
    """Find the stream of a venue; None where it has none, or we know of none.

    Parameters
    ----------
    name
        Name of the venue, as in ``venues.registry``.
    """
    if name not in _STREAMS:
        return None
    module = importlib.import_module(f"funding_platform.venues.adapters.{name}.stream")
    found: type[VenueStream] = getattr(module, _STREAMS[name])
    return found
