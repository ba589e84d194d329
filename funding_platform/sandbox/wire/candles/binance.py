"""Binance's klines and open interest through time; Aster has the same klines.

History ascends from ``startTime``, both bounds inclusive on the time that a bar begins; without a
start the newest bars come, the last of them under way. Rows have twelve places: of marks and
indices the ninth counts seconds. The spot market, which has a host of its own, is served below the
same base URL.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from funding_platform.core.time_grid import DAY_MS, HOUR_MS
from funding_platform.sandbox.markets.market import Instrument, SpotMarket
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform.sandbox.wire.candles.rows import (
    SIZE_DECIMALS,
    VALUE_DECIMALS,
    bars,
    deals,
    must_be,
    prices,
    texts,
)
from funding_platform.sandbox.wire.contract import (
    Handler,
    ParameterError,
    Reply,
    Request,
    Route,
    WireError,
    one_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.listings.binance import spot_rows
from funding_platform.sandbox.wire.venues.binance import UNKNOWN_SYMBOL

_QUOTED_DECIMALS = 8
_KEPT_DAYS = 30
_PERIODS = {
    "5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": HOUR_MS, "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS, "6h": 6 * HOUR_MS, "12h": 12 * HOUR_MS, "1d": DAY_MS,
}  # fmt: skip


def _listed(request: Request, name: str) -> Instrument:
    instrument = request.instrument(request.required(name))
    if instrument is None:
        raise WireError(UNKNOWN_SYMBOL)
    return instrument


def _span(request: Request, *, default: int, cap: int) -> Span:
    start, end = request.integer("startTime"), request.integer("endTime")
    limit = request.limit(default=default, cap=cap)
    return Span(start, end, limit, newest=start is None)


def _traded_rows(candles: Candles, decimals: int) -> str:
    bought, paid = candles.volumes / 2, candles.turnovers / 2
    columns = (
        candles.opens_ms.tolist(),
        *prices(candles, decimals),
        texts(candles.volumes, SIZE_DECIMALS),
        (candles.ends_ms - 1).tolist(),
        texts(candles.turnovers, VALUE_DECIMALS),
        deals(candles),
        texts(bought, SIZE_DECIMALS + 1),
        texts(paid, VALUE_DECIMALS + 1),
    )
    return _joined('[%d,"%s","%s","%s","%s","%s",%d,"%s",%d,"%s","%s","0"]', columns)


def _quoted_rows(candles: Candles, now_ms: int) -> str:
    seconds = np.minimum(HOUR_MS, now_ms - candles.opens_ms) // 1_000
    columns = (
        candles.opens_ms.tolist(),
        *prices(candles, _QUOTED_DECIMALS),
        (candles.ends_ms - 1).tolist(),
        seconds.tolist(),
    )
    return _joined('[%d,"%s","%s","%s","%s","0",%d,"0",%d,"0","0","0"]', columns)


def _joined(template: str, columns: Any) -> str:
    return f"[{rows_text(template, columns)}]"


def klines(request: Request) -> Reply:
    """Answer with bars of deals."""
    instrument = _listed(request, "symbol")
    must_be(request, "interval", "1h")
    places = decimals_of(instrument.tick_size)
    candles = bars(request, instrument, "trade", _span(request, default=500, cap=1_500), places)
    return Reply(_traded_rows(candles, places).encode(), rows=len(candles.opens_ms))


def _quoted(kind: PriceKind, name: str, request: Request) -> Reply:
    instrument = _listed(request, name)
    must_be(request, "interval", "1h")
    span = _span(request, default=500, cap=1_500)
    candles = bars(request, instrument, kind, span, _QUOTED_DECIMALS)
    return Reply(_quoted_rows(candles, request.now_ms).encode(), rows=len(candles.opens_ms))


mark_klines: Final[Handler] = partial(_quoted, "mark", "symbol")
index_klines: Final[Handler] = partial(_quoted, "index", "pair")
"""The index is of a pair, which is a perpetual's symbol; ``symbol`` is not read."""


def weight(request: Request, rows: int) -> Mapping[str, int]:
    """Weigh by the limit that is asked for, however many rows there are."""
    try:
        limit = request.integer("limit") or 500
    except ParameterError:
        limit = 1
    bounds = ((100, 1), (500, 2), (1_001, 5))
    return {"1M": next((units for bound, units in bounds if limit < bound), 10)}


def _spot_listed(request: Request) -> SpotMarket:
    market = request.spot_market(request.required("symbol"))
    if market is None:
        raise WireError(UNKNOWN_SYMBOL)
    return market


def _spot_klines(request: Request) -> Reply:
    market = _spot_listed(request)
    must_be(request, "interval", "1h")
    span = _span(request, default=500, cap=1_000)
    candles = bars(request, market, "trade", span, _QUOTED_DECIMALS)
    return Reply(_traded_rows(candles, _QUOTED_DECIMALS).encode(), rows=len(candles.opens_ms))


def _spot_info(request: Request) -> Reply:
    asked = [_spot_listed(request)] if request.text("symbol") else request.spot_markets
    document = {
        "timezone": "UTC",
        "serverTime": request.now_ms,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": 6000},
        ],
        "exchangeFilters": [],
        "symbols": spot_rows(asked),
    }  # fmt: skip
    return Reply.json(document, rows=len(asked))


def _open_interest(request: Request) -> Reply:
    """Answer with the last 30 days; what lies before is left out without a word."""
    instrument = _listed(request, "symbol")
    step = _PERIODS.get(request.required("period"))
    if step is None:
        raise ParameterError("period")
    span = _span(request, default=30, cap=500)
    kept = request.now_ms - _KEPT_DAYS * DAY_MS
    span = span._replace(start_ms=max(kept, span.start_ms or 0))
    held = request.market.open_interest(request.venue, instrument.venue_symbol, step, span)
    columns = (texts(held.base, 8), texts(held.value, 8), held.times_ms.tolist())
    template = (
        f'{{"symbol":"{instrument.venue_symbol}","sumOpenInterest":"%s",'
        '"sumOpenInterestValue":"%s","CMCCirculatingSupply":"20070287.00000000","timestamp":%d}'
    )
    return Reply(_joined(template, columns).encode(), rows=len(held.times_ms))


ROUTES: Final = (
    Route("/fapi/v1/klines", klines, cost=weight),
    Route("/fapi/v1/markPriceKlines", mark_klines, cost=weight),
    Route("/fapi/v1/indexPriceKlines", index_klines, cost=weight),
    Route("/futures/data/openInterestHist", _open_interest, cost=one_of("statistics")),
    Route("/api/v3/klines", _spot_klines, cost=lambda request, rows: {"spot 1M": 2}),
    Route("/api/v3/exchangeInfo", _spot_info, cost=lambda request, rows: {"spot 1M": 20}),
)
