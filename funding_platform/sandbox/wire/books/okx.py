"""OKX's order books: one level unless more are asked for, in contracts, without a name."""

from collections.abc import Sequence
from typing import Final

from funding_platform.sandbox.books.ladder import Level
from funding_platform.sandbox.markets.market import Instrument
from funding_platform.sandbox.wire.books.levels import book, contracts, depth_of, pairs
from funding_platform.sandbox.wire.contract import Reply, Request, Route, WireError, one_of
from funding_platform.sandbox.wire.venues.okx import UNKNOWN, envelope


def _books(request: Request) -> Reply:
    instrument = request.instrument(request.required("instId"))
    if instrument is None:
        raise WireError(UNKNOWN)
    found = book(request, instrument, depth_of(request, "sz", default=1, most=400))
    row = {
        "asks": _side(instrument, found.asks),
        "bids": _side(instrument, found.bids),
        "ts": str(request.now_ms),
    }
    return envelope([row])


def _side(instrument: Instrument, side: Sequence[Level]) -> list[list[str]]:
    """Write price, size, a zero that once meant something, and the number of orders."""
    return [[*pair, "0", "1"] for pair in pairs(instrument, side, contracts)]


_PATH: Final = "/api/v5/market/books"
ROUTES: Final = (Route(_PATH, _books, cost=one_of(_PATH)),)
