"""GRVT's book: one of four depths, and a time in nanoseconds."""

from collections.abc import Sequence
from typing import Any, Final

from funding_platform.sandbox.books.ladder import Level
from funding_platform.sandbox.markets.market import Instrument
from funding_platform.sandbox.wire.books.levels import book, named
from funding_platform.sandbox.wire.contract import ParameterError, Reply, Request, routes_of
from funding_platform.sandbox.wire.venues.grvt import listed, nanoseconds

_DEPTHS = (10, 50, 100, 500)


def _book(request: Request) -> Reply:
    instrument, depth = listed(request), request.integer("depth")
    if depth not in _DEPTHS:
        raise ParameterError("depth")
    found = book(request, instrument, depth)
    result = {
        "event_time": nanoseconds(request.now_ms),
        "instrument": instrument.venue_symbol,
        "bids": _side(instrument, found.bids),
        "asks": _side(instrument, found.asks),
    }
    return Reply.json({"result": result}, rows=len(found.bids) + len(found.asks))


def _side(instrument: Instrument, side: Sequence[Level]) -> list[dict[str, Any]]:
    return [{**row, "num_orders": 1} for row in named(instrument, side, "price", "size")]


ROUTES: Final = routes_of("ip", {"/full/v1/book": _book}, method="POST")
