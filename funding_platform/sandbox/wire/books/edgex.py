"""edgeX's depth: fifteen levels or two hundred; an unknown contract is a success with nothing."""

from typing import Final

from funding_platform.sandbox.wire.books.levels import book, named
from funding_platform.sandbox.wire.contract import ParameterError, Reply, Request, Route
from funding_platform.sandbox.wire.venues.edgex import named_in, reply_with

_LEVELS = (15, 200)


def _depth(request: Request) -> Reply:
    request.required("contractId")
    level = request.integer("level")
    if level not in _LEVELS:
        raise ParameterError("level")
    asked = named_in(request)
    if not asked:
        return reply_with([], request.now_ms)
    number, instrument = next(iter(asked.items()))
    found = book(request, instrument, level)
    row = {
        "startVersion": str(request.now_ms),
        "endVersion": str(request.now_ms + 1),
        "level": level,
        "contractId": number,
        "contractName": instrument.venue_symbol,
        "asks": named(instrument, found.asks, "price", "size"),
        "bids": named(instrument, found.bids, "price", "size"),
        "depthType": "SNAPSHOT",
    }
    return reply_with([row], request.now_ms, rows=len(found.bids) + len(found.asks))


ROUTES: Final = (Route("/api/v2/public/quote/getDepth", _depth),)
