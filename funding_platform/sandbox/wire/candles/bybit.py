"""Bybit's klines and open interest through time.

History comes newest first and hangs on its end: of a window with more bars than the limit the
newest are given. A start within a bar brings that bar. Inverse contracts count dollars where the
others count coins, and the other way round. Open interest counts both sides.
"""

from typing import Any, Final

import numpy as np

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.market import Instrument, SpotMarket
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform.sandbox.wire.candles.rows import (
    SIZE_DECIMALS,
    VALUE_DECIMALS,
    bars,
    must_be,
    prices,
    texts,
)
from funding_platform.sandbox.wire.contract import Reply, Request, Route, routes_of, rows_text
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.bybit import (
    category_of,
    envelope,
    invalid,
    limit_of,
    listed,
    offset_of,
)

_STEPS: Final = {
    "5min": 300_000, "15min": 900_000, "30min": 1_800_000, "1h": HOUR_MS, "4h": 4 * HOUR_MS,
    "1d": 24 * HOUR_MS,
}  # fmt: skip


def _traded(request: Request) -> Instrument | SpotMarket:
    if request.required("category") != "spot":
        return listed(request, category_of(request))
    market = request.spot_market(request.required("symbol"))
    if market is None:
        raise invalid(request, "Symbol Is Invalid")
    return market


def _page(request: Request, of: Instrument | SpotMarket, kind: PriceKind) -> Candles:
    must_be(request, "interval", "60")
    start, end = request.integer("start"), request.integer("end")
    span = Span(
        None if start is None else start // HOUR_MS * HOUR_MS,
        end,
        limit_of(request, default=200, cap=1_000),
    )
    return bars(request, of, kind, span, decimals_of(of.tick_size)).newest_first


def _reply(request: Request, symbol: str, rows: str, count: int) -> Reply:
    body = (
        f'{{"retCode":0,"retMsg":"OK","result":{{"symbol":"{symbol}",'
        f'"category":"{request.required("category")}","list":[{rows}]}},"retExtInfo":{{}},'
        f'"time":{request.now_ms}}}'
    )
    return Reply(body.encode(), rows=count)


def _kline(request: Request) -> Reply:
    of = _traded(request)
    page = _page(request, of, "trade")
    volumes = texts(page.volumes, SIZE_DECIMALS)
    turnovers = texts(page.turnovers, VALUE_DECIMALS)
    if isinstance(of, Instrument) and of.contract.contract_type == "inverse":
        volumes, turnovers = turnovers, volumes
    columns = (
        page.opens_ms.tolist(),
        *prices(page, decimals_of(of.tick_size)),
        volumes,
        turnovers,
    )
    rows = rows_text('["%d","%s","%s","%s","%s","%s","%s"]', columns)
    return _reply(request, of.venue_symbol, rows, len(page.opens_ms))


def _quoted(request: Request, kind: PriceKind) -> Reply:
    instrument = listed(request, category_of(request))
    page = _page(request, instrument, kind)
    columns = (page.opens_ms.tolist(), *prices(page, decimals_of(instrument.tick_size)))
    rows = rows_text('["%d","%s","%s","%s","%s"]', columns)
    return _reply(request, instrument.venue_symbol, rows, len(page.opens_ms))


def _open_interest(request: Request) -> Reply:
    """Answer with past steps; a moment of which open interest is not known has no row."""
    category = category_of(request)
    instrument = listed(request, category)
    step = _STEPS.get(request.required("intervalTime"))
    if step is None:
        raise invalid(request, "intervalTime is invalid")
    first, limit = offset_of(request), limit_of(request, default=50, cap=200)
    # One row more than the page tells whether there is another page.
    span = Span(request.integer("startTime"), request.integer("endTime"), first + limit + 1)
    held = request.market.open_interest(request.venue, instrument.venue_symbol, step, span)
    known = len(held.times_ms)
    page = held.slice(slice(max(0, known - first - limit), max(0, known - first)))
    one_side = page.value if category == "inverse" else page.base
    places = decimals_of(instrument.size_step)
    told = ~np.isnan(one_side)
    one_side, times = one_side[told], page.times_ms[told]
    columns = (texts(2 * one_side, places), texts(one_side, places), times.tolist())
    more = known > first + limit
    result = {
        "symbol": instrument.venue_symbol,
        "category": category,
        "list": [_held(*row) for row in zip(*columns, strict=True)][::-1],
        "nextPageCursor": f"first%3D{first + limit}" if more else "",
    }
    return envelope(result, request.now_ms, rows=len(times))


def _held(both_sides: str, one_side: str, time_ms: int) -> dict[str, Any]:
    return {"openInterest": both_sides, "singleOpenInterest": one_side, "timestamp": str(time_ms)}


ROUTES: Final[tuple[Route, ...]] = routes_of(
    "ip",
    {
        "/v5/market/kline": _kline,
        "/v5/market/mark-price-kline": lambda request: _quoted(request, "mark"),
        "/v5/market/index-price-kline": lambda request: _quoted(request, "index"),
        "/v5/market/open-interest": _open_interest,
    },
)
