"""Bybit's order books: 25 levels unless more are asked for, dollars on inverse contracts."""

from typing import Final

from funding_platform.sandbox.wire.books.levels import book, contracts, pairs
from funding_platform.sandbox.wire.contract import Reply, Request, routes_of
from funding_platform.sandbox.wire.venues.bybit import category_of, envelope, limit_of, listed


def _orderbook(request: Request) -> Reply:
    instrument = listed(request, category_of(request))
    found = book(request, instrument, limit_of(request, default=25, cap=1_000))
    result = {
        "s": instrument.venue_symbol,
        "b": pairs(instrument, found.bids, contracts),
        "a": pairs(instrument, found.asks, contracts),
        "ts": request.now_ms,
        "u": request.now_ms // 100,
        "seq": request.now_ms,
        "cts": request.now_ms - 4,
    }
    return envelope(result, request.now_ms, rows=len(found.bids) + len(found.asks))


ROUTES: Final = routes_of("ip", {"/v5/market/orderbook": _orderbook})
