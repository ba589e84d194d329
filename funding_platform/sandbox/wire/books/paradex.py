"""Paradex's book: twenty levels unless more are asked for."""

from typing import Final

from funding_platform.sandbox.wire.books.levels import book, depth_of, pairs
from funding_platform.sandbox.wire.contract import Reply, Request, routes_of
from funding_platform.sandbox.wire.venues.paradex import listed

_MOST = 100


def _orderbook(request: Request) -> Reply:
    instrument = listed(request)
    found = book(request, instrument, depth_of(request, "depth", default=20, most=_MOST))
    document = {
        "market": instrument.venue_symbol,
        "seq_no": request.now_ms,
        "last_updated_at": request.now_ms,
        "asks": pairs(instrument, found.asks),
        "bids": pairs(instrument, found.bids),
    }
    return Reply.json(document, rows=len(found.bids) + len(found.asks))


ROUTES: Final = routes_of("ip", {"/v1/orderbook/{market}": _orderbook})
