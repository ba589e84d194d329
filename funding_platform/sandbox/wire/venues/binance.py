"""Binance USD-M futures: ``/fapi/v1``.

History ascends from ``startTime``, both bounds inclusive; without bounds the latest rows come.
Where the market knows no mark price the field is empty, as on the venue's own early rows; a
contract without open interest, book or volume is answered like one that is being settled.

Klines and spot are in ``candles.binance``.
"""

from typing import Any

import numpy as np

from funding_platform.sandbox.limits import Budget, Limits, Usage
from funding_platform.sandbox.markets.market import Contract, SpotStyle, VenueStyle
from funding_platform.sandbox.markets.series import Settlements
from funding_platform.sandbox.wire.contract import (
    Cost,
    Handler,
    Reply,
    Request,
    Route,
    Wire,
    WireError,
    one_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import fixed, fixed_all
from funding_platform.sandbox.wire.listings.binance import UNDERLYING, symbol_info
from funding_platform.sandbox.wire.paging import newest, oldest
from funding_platform.sandbox.wire.quotes.binance import (
    Row,
    book_ticker,
    open_interest,
    premium_index,
    ticker_24hr,
)

_QUOTES = ("USDT", "USDC")


def _read(symbol: str) -> Contract | None:
    quote = next((quote for quote in _QUOTES if symbol.endswith(quote)), None)
    base = symbol.removesuffix(quote) if quote else ""
    return Contract(base, quote, "linear") if quote and base else None


def _read_spot(symbol: str) -> tuple[str, str] | None:
    contract = _read(symbol)
    return None if contract is None else (contract.base, contract.quote)


STYLE = VenueStyle(
    venue="binance",
    spell=lambda contract: contract.base + contract.quote,
    read=_read,
    quotes=_QUOTES,
    intervals={8: 0.45, 4: 0.5, 2: 0.02, 1: 0.03},
    rate_decimals=8,
    rate_cap=0.02,
    multipliers={
        "PEPE": "1000PEPE", "SHIB": "1000SHIB", "BONK": "1000BONK", "FLOKI": "1000FLOKI",
        "LUNC": "1000LUNC",
    },
    jitter_ms=(0, 20),
    marks_settlements=True,
    spot=SpotStyle(quote="USDT", spell=lambda base: f"{base}USDT", read=_read_spot),
    tradfi={base: base for base in UNDERLYING},
)  # fmt: skip


def error(code: int, message: str, status: int = 400) -> Reply:
    """Write a refusal in the venue's words."""
    return Reply.json({"code": code, "msg": message}, status=status)


def _bad_parameter(name: str, now_ms: int) -> Reply:
    return error(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


UNKNOWN_SYMBOL = error(-1121, "Invalid symbol.")
_CLOSED = error(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")


def _refusal(status: int, now_ms: int) -> Reply:
    if status in (418, 429):
        return error(
            -1003,
            "Too much request weight used, current limit is 2400 request weight per 1 MINUTE. "
            "Please use the websocket for live updates to avoid polling the API.",
            status,
        )
    if status == 403:
        return Reply(b"<html><body>403 Forbidden</body></html>", 403, content_type="text/html")
    return error(-1001, "Internal error; unable to process your request.", status)


def _exchange_info(request: Request) -> Reply:
    symbols = [symbol_info(i, request.now_ms) for i in request.instruments]
    document = {
        "timezone": "UTC",
        "serverTime": request.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": 2400},
        ],
        "exchangeFilters": [],
        "assets": [
            {"asset": quote, "marginAvailable": True, "autoAssetExchange": "-10000"}
            for quote in _QUOTES
        ],
        "symbols": symbols,
    }  # fmt: skip
    return Reply.json(document, rows=len(symbols))


def _funding_info(request: Request) -> Reply:
    rows = [
        {
            "symbol": quote.instrument.venue_symbol,
            "adjustedFundingRateCap": fixed(quote.instrument.rate_cap, 8),
            "adjustedFundingRateFloor": fixed(-quote.instrument.rate_cap, 8),
            "fundingIntervalHours": quote.interval_hours,
            "disclaimer": False,
        }
        for quote in request.quotes.values()
        if quote.interval_hours is not None
    ]
    return Reply.json(rows, rows=len(rows))


def funding_page(request: Request, *, default: int) -> Settlements:
    """Select the settlements that a request asks for; without bounds ``default`` of them."""
    start, end = request.integer("startTime"), request.integer("endTime")
    symbol = request.required("symbol")
    if request.instrument(symbol) is None:
        raise WireError(UNKNOWN_SYMBOL)
    history = request.settlements(symbol)
    if start is None and end is None:
        rows = newest(history.times_ms, None, None, request.limit(default=default, cap=1_000))
    else:
        take = newest if start is None else oldest
        rows = take(history.times_ms, start, end, request.limit(default=100, cap=1_000))
    return history.slice(rows)


def _funding_rate(request: Request) -> Reply:
    symbol = request.required("symbol")
    page = funding_page(request, default=200)
    times = page.times_ms.tolist()
    template = (
        f'{{"symbol":"{symbol}","fundingTime":%d,"fundingRate":"%s","markPrice":"%s",'
        '"rateType":"Regular"}'
    )
    columns = (times, fixed_all(page.rates.tolist(), 8), _mark_texts(page.marks, len(times)))
    return Reply(f"[{rows_text(template, columns)}]".encode(), rows=len(times))


def _mark_texts(marks: Any, count: int) -> list[str]:
    if marks is None:
        return [""] * count
    texts = fixed_all(marks.tolist(), 8)
    for row in np.flatnonzero(np.isnan(marks)).tolist():
        texts[row] = ""
    return texts


def _one_or_all(row: Row) -> Handler:
    """Make a handler: one symbol gives an object, no symbol an array of all."""

    def handler(request: Request) -> Reply:
        symbol = request.text("symbol")
        if symbol is None:
            rows = [row(quote, request.now_ms) for quote in request.quotes.values()]
            present = [r for r in rows if r is not None]
            return Reply.json(present, rows=len(present))
        return _one(row, request, symbol)

    return handler


def _one(row: Row, request: Request, symbol: str) -> Reply:
    if request.instrument(symbol) is None:
        raise WireError(UNKNOWN_SYMBOL)
    quote = request.quotes.get(symbol)
    document = None if quote is None else row(quote, request.now_ms)
    if document is None:
        raise WireError(_CLOSED)
    return Reply.json(document, rows=1)


def _weighs(one: int, every: int) -> Cost:
    return lambda request, rows: {"1M": one if "symbol" in request.params else every}


def _headers(usages: list[Usage]) -> dict[str, str]:
    """State the weight used of the host that answered: futures or spot."""
    used = [str(usage.used) for usage in usages if usage.name in ("1M", "spot 1M")]
    return dict.fromkeys(("X-MBX-USED-WEIGHT-1M",), used[0]) if used else {}


WIRE = Wire(
    style=STYLE,
    routes=(
        Route("/fapi/v1/ping", lambda request: Reply(b"{}"), cost=_weighs(1, 1)),
        Route(
            "/fapi/v1/time",
            lambda request: Reply.json({"serverTime": request.now_ms}),
            cost=_weighs(1, 1),
        ),
        Route("/fapi/v1/exchangeInfo", _exchange_info, cost=_weighs(1, 1)),
        Route("/fapi/v1/premiumIndex", _one_or_all(premium_index), cost=_weighs(1, 10)),
        Route("/fapi/v1/fundingInfo", _funding_info, cost=one_of("funding")),
        Route("/fapi/v1/fundingRate", _funding_rate, cost=one_of("funding")),
        Route(
            "/fapi/v1/openInterest",
            lambda request: _one(open_interest, request, request.required("symbol")),
            cost=_weighs(1, 1),
        ),
        Route("/fapi/v1/ticker/24hr", _one_or_all(ticker_24hr), cost=_weighs(1, 40)),
        Route("/fapi/v1/ticker/bookTicker", _one_or_all(book_ticker), cost=_weighs(2, 5)),
    ),
    limits=Limits(
        budgets={
            "1M": Budget(2_400, 60),
            "funding": Budget(500, 300),
            "statistics": Budget(1_000, 300),
            "spot 1M": Budget(6_000, 60),
        },
        headers=_headers,
        retry_after=True,
        ban_status=418,
        ban_after=5,
        ban_seconds=120,
    ),
    bad_parameter=_bad_parameter,
    refusal=_refusal,
    not_found=Reply.text("", status=404),
)
