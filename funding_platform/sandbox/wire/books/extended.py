"""Extended's book: whole, ``bid`` and ``ask``, without a time."""

from typing import Final

from funding_platform.sandbox.wire.books.levels import book, named
from funding_platform.sandbox.wire.contract import Reply, Request, routes_of
from funding_platform.sandbox.wire.venues.extended import envelope, for_named_clients, listed

_WHOLE = 10_000


def _orderbook(request: Request) -> Reply:
    instrument = listed(request)
    bids, asks = (
        named(instrument, side, "price", "qty") for side in book(request, instrument, _WHOLE)
    )
    data = {"market": instrument.venue_symbol, "bid": bids, "ask": asks}
    return envelope(data, rows=len(bids) + len(asks))


ROUTES: Final = routes_of(
    "ip", {"/api/v1/info/markets/{market}/orderbook": for_named_clients(_orderbook)}
)
