"""Deribit's order books: numbers instead of texts, dollars on inverse contracts."""

from collections.abc import Sequence
from typing import Any, Final

from funding_platform.sandbox.books.ladder import Level
from funding_platform.sandbox.markets.market import Instrument
from funding_platform.sandbox.wire.books.levels import book
from funding_platform.sandbox.wire.contract import ParameterError, Reply, Request, routes_of
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.deribit import listed, result, ticker_row

_DEPTHS = (1, 5, 10, 20, 50, 100, 1_000, 10_000)
_USUAL = 5


def _get_order_book(request: Request) -> Reply:
    instrument = listed(request)
    depth = request.integer("depth")
    if depth is not None and depth not in _DEPTHS:
        raise ParameterError("depth")
    found = book(request, instrument, depth or _USUAL)
    quote = request.quotes.get(instrument.venue_symbol)
    ticker = {} if quote is None else ticker_row(quote, request.now_ms)
    document: dict[str, Any] = {
        **ticker,
        "instrument_name": instrument.venue_symbol,
        "timestamp": request.now_ms,
        "state": "closed" if quote is None else "open",
        "change_id": request.now_ms,
        "bids": _side(instrument, found.bids),
        "asks": _side(instrument, found.asks),
    }
    return result(document, request.now_ms, rows=len(found.bids) + len(found.asks))


def _side(instrument: Instrument, side: Sequence[Level]) -> list[list[float]]:
    places = decimals_of(instrument.tick_size)
    amounts = (round(level.contracts * instrument.contract_size, 8) for level in side)
    prices = (round(level.price, places) for level in side)
    return [[price, amount] for price, amount in zip(prices, amounts, strict=True)]


ROUTES: Final = routes_of("credits", {"/api/v2/public/get_order_book": _get_order_book})
