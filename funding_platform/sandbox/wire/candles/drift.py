"""Drift's and Velocity's candles: deals and the oracle in one row, in seconds.

They come newest first: ``startTs`` is where one starts from, backwards, and ``endTs`` where one
ends; of two bounds the order does not matter, both are inclusive. An hour without a deal is flat.
"""

from typing import Final

import numpy as np

from funding_platform.sandbox.markets.series import PriceKind, Span, Times, Values
from funding_platform.sandbox.wire.candles.rows import bars, must_be, numbers
from funding_platform.sandbox.wire.contract import Reply, Request, Route, routes_of, rows_text
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.drift import listed

_PAGE, _LARGEST_PAGE = 100, 1_000
_DECIMALS = 6
_TINY = 2
_KINDS: Final[tuple[PriceKind, PriceKind]] = ("trade", "index")


def _candles(request: Request) -> Reply:
    _, instrument = listed(request, "symbol")
    must_be(request, "resolution", "60")
    newer, older = request.integer("startTs"), request.integer("endTs")
    if newer is not None and older is not None:
        older, newer = sorted((older, newer))
    span = Span(
        None if older is None else 1_000 * older,
        None if newer is None else 1_000 * newer,
        request.limit(default=_PAGE, cap=_LARGEST_PAGE),
    )
    places = max(_DECIMALS, decimals_of(instrument.tick_size) + _TINY)
    dealt, oracle = (bars(request, instrument, kind, span, places).newest_first for kind in _KINDS)
    known = dealt if len(dealt.opens_ms) else oracle
    columns = [
        numbers(_at(known.opens_ms, candles.opens_ms, column))
        for candles in (dealt, oracle)
        for column in (candles.opens, candles.highs, candles.closes, candles.lows)
    ]
    sizes = [numbers(known.turnovers), numbers(known.volumes)]
    template = (
        '{"ts":%d,"fillOpen":%s,"fillHigh":%s,"fillClose":%s,"fillLow":%s,"oracleOpen":%s,'
        '"oracleHigh":%s,"oracleClose":%s,"oracleLow":%s,"quoteVolume":%s,"baseVolume":%s}'
    )
    rows = rows_text(template, ((known.opens_ms // 1_000).tolist(), *columns, *sizes))
    return Reply(f'{{"success":true,"records":[{rows}]}}'.encode(), rows=len(known.opens_ms))


def _at(times: Times, known: Times, values: Values) -> Values:
    """Look values up by time; NaN where they are not known."""
    found = np.full(len(times), np.nan)
    _, ours, theirs = np.intersect1d(times, known, return_indices=True)
    found[ours] = values[theirs]
    return found


ROUTES: Final[tuple[Route, ...]] = routes_of(
    "ip", {"/market/{symbol}/candles/{resolution}": _candles}
)
