"""Aster: Binance's streams on one path, and marks of what no longer trades among the others."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.quotes.binance import premium_index
from funding_platform.sandbox.wire.streams import binance
from funding_platform.sandbox.wire.streams.contract import Row
from funding_platform.sandbox.wire.venues.aster import left_over

_ALL: Final = (*binance.MARKS, binance.TICKERS, binance.BOOKS)


def _marks(request: Request) -> Mapping[str, Row]:
    quotes, now_ms = request.quotes, request.now_ms
    gone = [i.venue_symbol for i in request.instruments if i.venue_symbol not in quotes]
    documents = {
        **{symbol: premium_index(quote, now_ms) for symbol, quote in quotes.items()},
        **{symbol: left_over(symbol, now_ms) for symbol in gone},
    }
    return {symbol: binance.mark_row(document) for symbol, document in documents.items()}


DIALECT = replace(
    binance.DIALECT,
    venue="aster",
    paths=("/stream",),
    channels=binance.channels_of(_marks),
    hear=binance.hearing(lambda path: _ALL, lambda result, n: {"id": n, "result": result}),
)
