"""Paradex's klines: of deals, of the mark and of the underlying.

They ascend within a start and an end that must both be there, both inclusive. An hour without a
deal is left out of the deals. The one volume is in dollars.
"""

from typing import Final

import numpy as np

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
from funding_platform.sandbox.wire.venues.paradex import listed

_MOST_BARS = 10_000
_KINDS: Final[dict[str, PriceKind]] = {"last": "trade", "mark": "mark", "underlying": "index"}
_QUOTED_DECIMALS = 3


def _klines(request: Request) -> Reply:
    instrument = listed(request, "symbol")
    must_be(request, "resolution", "60")
    kind = _KINDS.get(request.text("price_kind") or "last")
    edges = request.integer("start_at"), request.integer("end_at")
    for value, name in ((kind, "price_kind"), (edges[0], "start_at"), (edges[1], "end_at")):
        if value is None:
            raise ParameterError(name)
    places = decimals_of(instrument.tick_size) + (0 if kind == "trade" else _QUOTED_DECIMALS)
    span = Span(*edges, _MOST_BARS, newest=False)
    page = bars(request, instrument, kind or "trade", span, places)
    page = page.slice(page.volumes != 0)
    columns = (
        page.opens_ms.tolist(),
        *map(numbers, (page.opens, page.highs, page.lows, page.closes)),
        ["0"] * len(page.opens_ms) if kind != "trade" else _dollars(page),
    )
    rows = rows_text("[%d,%s,%s,%s,%s,%s]", columns)
    return Reply(f'{{"results":[{rows}]}}'.encode(), rows=len(page.opens_ms))


def _dollars(page: Candles) -> list[str]:
    """Spell turnovers without their cents."""
    return [cell.removesuffix(".0") for cell in numbers(np.floor(page.turnovers))]


ROUTES: Final[tuple[Route, ...]] = routes_of("ip", {"/v1/markets/klines": _klines})
