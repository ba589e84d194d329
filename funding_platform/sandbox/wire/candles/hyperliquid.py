"""Hyperliquid's candles: of deals on perpetuals and spot pairs.

They ascend, both bounds inclusive. Of each coin the venue has the last 5,000 bars; of a window
before them, nothing. An unknown coin gives ``null``. There are no bars of mark and oracle.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.series import Span
from funding_platform.sandbox.wire.candles.rows import (
    SIZE_DECIMALS,
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
    WireError,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.hyperliquid import NULL, info

_KEPT_BARS = 5_000
_ROWS_PER_WEIGHT = 60


def _snapshot(request: Request) -> Reply:
    wanted = request.params.get("req")
    if not isinstance(wanted, dict):
        raise ParameterError("req")
    asked = replace(request, params=wanted)
    coin, start = asked.required("coin"), asked.integer("startTime")
    if start is None:
        raise ParameterError("startTime")
    of = asked.spot_market(coin) or asked.instrument(coin)
    if of is None:
        raise WireError(NULL)
    must_be(asked, "interval", "1h")
    kept = request.now_ms // HOUR_MS * HOUR_MS - (_KEPT_BARS - 1) * HOUR_MS
    span = Span(max(start, kept), asked.integer("endTime"), _KEPT_BARS)
    places = decimals_of(of.tick_size) + 1
    candles = bars(asked, of, "trade", span, places)
    opens, highs, lows, closes = prices(candles, places)
    columns = (
        candles.opens_ms.tolist(),
        (candles.ends_ms - 1).tolist(),
        opens,
        closes,
        highs,
        lows,
        texts(candles.volumes, SIZE_DECIMALS),
        deals(candles),
    )
    template = (
        f'{{"t":%d,"T":%d,"s":"{coin}","i":"1h","o":"%s","c":"%s","h":"%s","l":"%s","v":"%s",'
        '"n":%d}'
    )
    return Reply(f"[{rows_text(template, columns)}]".encode(), rows=len(candles.opens_ms))


def _weight(request: Request, rows: int) -> Mapping[str, int]:
    return {"ip": 20 + rows // _ROWS_PER_WEIGHT}


ROUTES: Final = (info("candleSnapshot", _snapshot, _weight),)
