"""Deribit's charts: bars of deals, as columns.

A window of more than some 5,000 bars loses its old end, and the status says "ok" all the same. An
empty one has the status "no_data". There are no bars of mark and index.
"""

from typing import Final

from funding_platform.sandbox.markets.series import Span
from funding_platform.sandbox.wire.candles.rows import bars, must_be, numbers
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Route,
    one_of,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.deribit import envelope, listed

_MOST_BARS = 5_001


def _chart(request: Request) -> Reply:
    instrument = listed(request)
    must_be(request, "resolution", "60")
    edges = [request.integer(f"{edge}_timestamp") for edge in ("start", "end")]
    for edge, name in zip(edges, ("start_timestamp", "end_timestamp"), strict=True):
        if edge is None:
            raise ParameterError(name)
    places = decimals_of(instrument.tick_size) + 1
    candles = bars(request, instrument, "trade", Span(edges[0], edges[1], _MOST_BARS), places)
    columns = {
        "volume": numbers(candles.volumes),
        "ticks": map(str, candles.opens_ms.tolist()),
        "open": numbers(candles.opens),
        "low": numbers(candles.lows),
        "high": numbers(candles.highs),
        "cost": numbers(candles.turnovers),
        "close": numbers(candles.closes),
    }
    status = "ok" if len(candles.opens_ms) else "no_data"
    listed_columns = ",".join(f'"{name}":[{",".join(cells)}]' for name, cells in columns.items())
    result = f'{{"status":"{status}",{listed_columns}}}'
    return Reply(envelope("result", result, request.now_ms), rows=len(candles.opens_ms))


ROUTES: Final = (
    Route("/api/v2/public/get_tradingview_chart_data", _chart, cost=one_of("credits")),
)
