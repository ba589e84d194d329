"""Backpack's klines: of deals, marks and the index, and of deals on spot markets.

Times are asked for in seconds and told as text, UTC without a zone. Rows ascend, both bounds
inclusive; the start must be there. An hour without a deal is a row whose prices are ``null``.
"""

from datetime import datetime
from typing import Final

from funding_platform.core.time_grid import from_ms
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
    ParameterError,
    Reply,
    Request,
    Route,
    WireError,
    routes_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.backpack import UNKNOWN

_MOST_BARS = 10_000
_KINDS: Final[dict[str, PriceKind]] = {"Last": "trade", "Mark": "mark", "Index": "index"}
_TIME = "%Y-%m-%d %H:%M:%S"


def _klines(request: Request) -> Reply:
    symbol = request.required("symbol")
    of = request.spot_market(symbol) or request.instrument(symbol)
    if of is None:
        raise WireError(UNKNOWN)
    must_be(request, "interval", "1h")
    kind = _KINDS.get(request.text("priceType") or "Last")
    if kind is None:
        raise ParameterError("priceType")
    start, end = request.integer("startTime"), request.integer("endTime")
    if start is None:
        raise ParameterError("startTime")
    span = Span(1_000 * start, None if end is None else 1_000 * end, _MOST_BARS, newest=False)
    places = decimals_of(of.tick_size)
    return _reply(bars(request, of, kind, span, places), places, traded=kind == "trade")


def _reply(page: Candles, places: int, *, traded: bool) -> Reply:
    idle = (page.volumes == 0).tolist()
    opens, highs, lows, closes = (
        ["null" if still else f'"{cell}"' for still, cell in zip(idle, column, strict=True)]
        for column in prices(page, places)
    )
    count = len(opens)
    columns = (
        closes,
        map(_text, map(from_ms, page.ends_ms.tolist())),
        highs,
        lows,
        opens,
        texts(page.turnovers, VALUE_DECIMALS) if traded else ["0"] * count,
        map(_text, map(from_ms, page.opens_ms.tolist())),
        deals(page),
        texts(page.volumes, SIZE_DECIMALS) if traded else ["0"] * count,
    )
    template = (
        '{"close":%s,"end":"%s","high":%s,"low":%s,"open":%s,"quoteVolume":"%s","start":"%s",'
        '"trades":"%d","volume":"%s"}'
    )
    return Reply(f"[{rows_text(template, columns)}]".encode(), rows=count)


def _text(time: datetime) -> str:
    return time.strftime(_TIME)


ROUTES: Final[tuple[Route, ...]] = routes_of("history", {"/api/v1/klines": _klines})
