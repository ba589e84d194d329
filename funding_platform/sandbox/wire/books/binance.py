"""Binance's depth: one of seven limits, which say what it weighs; it does not name its contract."""

from collections.abc import Mapping
from typing import Final

from funding_platform.sandbox.wire.books.levels import book, pairs
from funding_platform.sandbox.wire.contract import Reply, Request, Route, WireError
from funding_platform.sandbox.wire.venues.binance import UNKNOWN_SYMBOL, error

_WEIGHTS: Final = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
_USUAL = 500


def _limit(request: Request) -> int:
    limit = request.integer("limit")
    return _USUAL if limit is None else limit


def _depth(request: Request) -> Reply:
    instrument = request.instrument(request.required("symbol"))
    if instrument is None:
        raise WireError(UNKNOWN_SYMBOL)
    limit = _limit(request)
    if limit not in _WEIGHTS:
        raise WireError(error(-4021, f"Invalid depth limit: {limit}."))
    found = book(request, instrument, limit)
    document = {
        "lastUpdateId": request.now_ms * 1_000,
        "E": request.now_ms,
        "T": request.now_ms - 5,
        "bids": pairs(instrument, found.bids),
        "asks": pairs(instrument, found.asks),
    }
    return Reply.json(document, rows=len(found.bids) + len(found.asks))


def _cost(request: Request, rows: int) -> Mapping[str, int]:
    asked = request.text("limit") or str(_USUAL)
    return {"1M": _WEIGHTS.get(int(asked), 1) if asked.isdecimal() else 1}


def route(path: str) -> Route:
    """Make the route of a venue with this API."""
    return Route(path, _depth, cost=_cost)


ROUTES: Final = (route("/fapi/v1/depth"),)
