"""GRVT's klines: of deals, marks and the index, in nanoseconds.

They come newest first, both bounds inclusive, and a page hands on a cursor: the time of its last
row. The bar under way closes at the last whole minute.
"""

from typing import Final

import numpy as np

from funding_platform.sandbox.markets.series import PriceKind, Span
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
    routes_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.grvt import (
    listed,
    milliseconds,
    nanoseconds,
    read_cursor,
    write_cursor,
)

_KINDS: Final[dict[str, PriceKind]] = {"TRADE": "trade", "MARK": "mark", "INDEX": "index"}
_QUOTED_DECIMALS = 9
_MINUTE_MS = 60_000
_CURSOR = "openTime"


def _klines(request: Request) -> Reply:
    instrument, kind = listed(request), _KINDS.get(request.required("type"))
    must_be(request, "interval", "CI_1_H")
    if kind is None:
        raise ParameterError("type")
    start, end = milliseconds(request, "start_time"), milliseconds(request, "end_time")
    cursor = read_cursor(request, _CURSOR)
    if cursor is not None:
        end = cursor - 1 if end is None else min(end, cursor - 1)
    places = decimals_of(instrument.tick_size) if kind == "trade" else _QUOTED_DECIMALS
    span = Span(start, end, request.limit(default=500, cap=1_000))
    page = bars(request, instrument, kind, span, places).newest_first
    opens, highs, lows, closes = prices(page, places)
    last_minute = request.now_ms // _MINUTE_MS * _MINUTE_MS
    times = page.opens_ms.tolist()
    traded = kind == "trade"
    columns = (
        map(nanoseconds, times),
        map(nanoseconds, np.minimum(page.ends_ms, last_minute).tolist()),
        opens,
        closes,
        highs,
        lows,
        texts(page.volumes, SIZE_DECIMALS) if traded else ["0.0"] * len(times),
        texts(page.turnovers, VALUE_DECIMALS) if traded else ["0.0"] * len(times),
        deals(page),
    )
    template = (
        '{"open_time":"%s","close_time":"%s","open":"%s","close":"%s","high":"%s","low":"%s",'
        f'"volume_b":"%s","volume_q":"%s","trades":%d,"instrument":"{instrument.venue_symbol}"}}'
    )
    following = write_cursor(_CURSOR, times[-1]) if times else ""
    body = f'{{"result":[{rows_text(template, columns)}],"next":"{following}"}}'
    return Reply(body.encode(), rows=len(times))


ROUTES: Final[tuple[Route, ...]] = routes_of("ip", {"/full/v1/kline": _klines}, method="POST")
