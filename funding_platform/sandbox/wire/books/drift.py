"""The order books of Drift and Velocity, in millionths and thousand-millionths."""

from collections.abc import Sequence
from typing import Any, Final

from funding_platform.sandbox.books.ladder import Level
from funding_platform.sandbox.markets.market import Quote
from funding_platform.sandbox.wire.books.levels import book, depth_of
from funding_platform.sandbox.wire.contract import Reply, Request, routes_of
from funding_platform.sandbox.wire.venues.drift import listed, millionths, scaled

_MOST = 1_000
_SLOT_MS = 400


def _l2(request: Request) -> Reply:
    identity, instrument = listed(request, "marketName")
    found = book(request, instrument, depth_of(request, "depth", default=_MOST, most=_MOST))
    quote = request.quotes.get(instrument.venue_symbol) or Quote(instrument, 0.0)
    index = "" if quote.index is None else str(millionths(quote.index))
    gap = None if quote.bid is None or quote.ask is None else quote.ask - quote.bid
    slot = request.now_ms // _SLOT_MS
    oracle = {
        "price": index, "slot": str(slot), "confidence": "0",
        "hasSufficientNumberOfDataPoints": True, "twap": index, "twapConfidence": index,
    }  # fmt: skip
    return Reply.json(
        {
            "bids": _side(found.bids),
            "asks": _side(found.asks),
            "marketName": instrument.venue_symbol,
            "marketType": "perp",
            "marketIndex": identity,
            "ts": request.now_ms,
            "slot": slot,
            "markPrice": scaled(quote.mark),
            "bestBidPrice": scaled(quote.bid),
            "bestAskPrice": scaled(quote.ask),
            "spreadPct": scaled(gap and quote.mark and 100 * gap / quote.mark),
            "spreadQuote": scaled(gap),
            "oracle": None if quote.index is None else millionths(quote.index),
            "oracleData": oracle,
            "mmOracleData": oracle,
            "marketSlot": slot,
        },
        rows=1,
    )


def _side(side: Sequence[Level]) -> list[dict[str, Any]]:
    rows = ((scaled(level.price), str(round(level.base * 1e9))) for level in side)
    return [{"price": price, "size": size, "sources": {"dlob": size}} for price, size in rows]


ROUTES: Final = routes_of("ip", {"/l2": _l2})
