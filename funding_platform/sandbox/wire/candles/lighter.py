"""Lighter's candles: of deals and of marks.

They ascend, both bounds inclusive, in seconds or milliseconds; of more than 500 bars in the window
only the newest are given, without a word. An hour without a deal is missing, or is there without
the fields that are zero. No rows at all are ``null``.
"""

from typing import Final

import numpy as np

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.market import Instrument
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform.sandbox.wire.candles.rows import bars, must_be, numbers
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Route,
    routes_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.lighter import markets_of

_PAGE = 500
_SECONDS_BELOW = 10**11
_ROW = '{"t":%d,"o":%s,"h":%s,"l":%s,"c":%s'


def _edge(request: Request, name: str) -> int:
    """Read a time that was sent in seconds or milliseconds."""
    stamp = request.integer(name)
    if stamp is None:
        raise ParameterError(name)
    return stamp * 1_000 if stamp < _SECONDS_BELOW else stamp


def _page(request: Request, kind: PriceKind) -> Candles:
    for name in ("market_id", "count_back"):
        if request.integer(name) is None:
            raise ParameterError(name)
    must_be(request, "resolution", "1h")
    instrument: Instrument
    [(_, instrument)] = markets_of(request)
    back = request.integer("count_back") or _PAGE
    edges = _edge(request, "start_timestamp"), _edge(request, "end_timestamp")
    span = Span(*edges, max(1, min(back, _PAGE)))
    return bars(request, instrument, kind, span, decimals_of(instrument.tick_size))


def _reply(rows: str, count: int) -> Reply:
    body = f'"r":"1h","c":[{rows}]}}' if count else '"message":null,"r":"1h","c":null}'
    return Reply(f'{{"code":200,{body}'.encode(), rows=count)


def _prices(page: Candles) -> tuple[list[str], ...]:
    return tuple(map(numbers, (page.opens, page.highs, page.lows, page.closes)))


def _candles(request: Request) -> Reply:
    page = _page(request, "trade")
    odd = page.opens_ms // HOUR_MS % 2 == 1
    page = page.slice((page.volumes != 0) | odd)
    traded = zip(numbers(page.volumes), numbers(page.turnovers), strict=True)
    sizes = [f',"v":{size},"V":{value}' if size != "0.0" else "" for size, value in traded]
    last_trades = page.opens_ms // HOUR_MS * 1_000
    columns = (page.opens_ms.tolist(), *_prices(page), sizes, last_trades.tolist())
    return _reply(rows_text(_ROW + '%s,"i":%d}', columns), len(page.opens_ms))


def _marks(request: Request) -> Reply:
    page = _page(request, "mark")
    seconds = np.minimum(HOUR_MS, request.now_ms - page.opens_ms) // 1_000
    columns = (page.opens_ms.tolist(), *_prices(page), seconds.tolist())
    return _reply(rows_text(_ROW + ',"sc":%d}', columns), len(page.opens_ms))


ROUTES: Final[tuple[Route, ...]] = routes_of(
    "requests", {"/api/v1/candles": _candles, "/api/v1/markPriceCandles": _marks}
)
