"""Backpack's depth: bids ascend, so that the best is the last; times in microseconds."""

from typing import Final

from funding_platform.sandbox.wire.books.levels import book, pairs
from funding_platform.sandbox.wire.contract import Reply, Request, WireError, routes_of
from funding_platform.sandbox.wire.venues.backpack import error, listed

_DEPTHS = (5, 10, 20, 50, 100, 500, 1_000)


def _depth(request: Request) -> Reply:
    instrument, limit = listed(request), request.integer("limit")
    if limit is not None and limit not in _DEPTHS:
        raise WireError(error("INVALID_CLIENT_REQUEST", f"Invalid DepthLimit: {limit}"))
    found = book(request, instrument, limit or _DEPTHS[-1])
    document = {
        "asks": pairs(instrument, found.asks),
        "bids": pairs(instrument, found.bids[::-1]),
        "lastUpdateId": str(request.now_ms),
        "timestamp": request.now_ms * 1_000 + 501,
    }
    return Reply.json(document, rows=len(found.bids) + len(found.asks))


ROUTES: Final = routes_of("requests", {"/api/v1/depth": _depth})
