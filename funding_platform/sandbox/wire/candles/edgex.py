"""edgeX's klines: of deals, of the oracle, which is the mark, and of the index.

Rows come newest first, by cursor, the end excluded.
"""

from typing import Final

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.market import Instrument
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
from funding_platform.sandbox.wire.contract import ParameterError, Reply, Request, Route
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.edgex import named_in, reply_with

_PAGE, _LARGEST_PAGE = 100, 1_000
_KINDS: Final[dict[str, PriceKind]] = {
    "LAST_PRICE": "trade", "ORACLE_PRICE": "mark", "INDEX_PRICE": "index"
}  # fmt: skip
_QUOTED_DECIMALS = 4
_FIELDS: Final = (
    "klineTime", "open", "high", "low", "close", "size", "value", "trades", "makerBuySize",
    "makerBuyValue",
)  # fmt: skip


def _klines(request: Request) -> Reply:
    request.required("contractId")
    must_be(request, "klineType", "HOUR_1")
    price_type = request.required("priceType")
    kind = _KINDS.get(price_type)
    if kind is None:
        raise ParameterError("priceType")
    named = named_in(request)
    if not named:
        return reply_with([], request.now_ms)
    number, instrument = next(iter(named.items()))
    page, cursor = _page(request, instrument, kind)
    same = {
        "contractId": number,
        "contractName": instrument.venue_symbol,
        "klineType": "HOUR_1",
        "priceType": price_type,
    }
    rows = [
        {"klineId": f"{number}{row[0]}", **same, **dict(zip(_FIELDS, row, strict=True))}
        for row in zip(*_columns(page, instrument, kind), strict=True)
    ]
    data = {"dataList": rows, "nextPageOffsetData": cursor}
    return reply_with(data, request.now_ms, rows=len(rows))


def _page(request: Request, instrument: Instrument, kind: PriceKind) -> tuple[Candles, str]:
    """Return the page, newest first, and the cursor of the next: the time that it ends at."""
    start = request.integer("filterBeginKlineTimeInclusive")
    end = request.integer("filterEndKlineTimeExclusive")
    last = request.integer("offsetData") or (None if end is None else end - 1)
    size = max(1, min(request.integer("size") or _PAGE, _LARGEST_PAGE))
    # One bar more than the page tells whether there is another page.
    page = bars(request, instrument, kind, Span(start, last, size + 1), _places(instrument, kind))
    if len(page.opens_ms) <= size:
        return page.newest_first, ""
    page = page.slice(slice(1, None))
    return page.newest_first, str(int(page.opens_ms[0]) - HOUR_MS)


def _places(instrument: Instrument, kind: PriceKind) -> int:
    return decimals_of(instrument.tick_size) + (0 if kind == "trade" else _QUOTED_DECIMALS)


def _columns(page: Candles, instrument: Instrument, kind: PriceKind) -> tuple[list[str], ...]:
    times = [str(time) for time in page.opens_ms.tolist()]
    quartet = prices(page, _places(instrument, kind))
    if kind != "trade":
        return (times, *quartet, *[["0"] * len(times)] * 5)
    return (
        times,
        *quartet,
        texts(page.volumes, SIZE_DECIMALS),
        texts(page.turnovers, VALUE_DECIMALS),
        [str(count) for count in deals(page)],
        texts(page.volumes / 2, SIZE_DECIMALS + 1),
        texts(page.turnovers / 2, VALUE_DECIMALS + 1),
    )


ROUTES: Final = (Route("/api/v2/public/quote/getKline", _klines),)
