"""Aster: Binance's API, ``/fapi/v1``, with a few answers of its own.

History rows have neither mark price nor rate type, ``fundingInfo`` has other fields, and
``premiumIndex`` goes on naming contracts that no longer trade, at a rate of zero. All calls count
against one budget.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from funding_platform.sandbox.limits import Budget
from funding_platform.sandbox.markets.market import Contract, VenueStyle
from funding_platform.sandbox.wire.contract import (
    Cost,
    Handler,
    Reply,
    Request,
    rows_text,
    thousands,
)
from funding_platform.sandbox.wire.decimals import fixed_all
from funding_platform.sandbox.wire.quotes.binance import premium_index
from funding_platform.sandbox.wire.venues import binance

_QUOTES = ("USDT", "USD1")
_EIGHT_HOURS_MS = 28_800_000


def _read(symbol: str) -> Contract | None:
    quote = next((quote for quote in _QUOTES if symbol.endswith(quote)), None)
    base = symbol.removesuffix(quote) if quote else ""
    return Contract(base, quote, "linear") if quote and base else None


STYLE = VenueStyle(
    venue="aster",
    spell=lambda contract: contract.base + contract.quote,
    read=_read,
    quotes=_QUOTES,
    intervals={8: 0.55, 4: 0.37, 2: 0.02, 1: 0.06},
    rate_decimals=8,
    rate_cap=0.03,
    multipliers=thousands("1000"),
)


def _funding_info(request: Request) -> Reply:
    rows = [
        {
            "symbol": quote.instrument.venue_symbol,
            "interestRate": "0.00010000",
            "time": request.now_ms,
            "fundingIntervalHours": quote.interval_hours,
            "fundingFeeCap": quote.instrument.rate_cap,
            "fundingFeeFloor": -quote.instrument.rate_cap,
        }
        for quote in request.quotes.values()
        if quote.interval_hours is not None
    ]
    return Reply.json(rows, rows=len(rows))


def _funding_rate(request: Request) -> Reply:
    page = binance.funding_page(request, default=100)
    times = page.times_ms.tolist()
    template = f'{{"symbol":"{request.required("symbol")}","fundingTime":%d,"fundingRate":"%s"}}'
    columns = (times, fixed_all(page.rates.tolist(), 8))
    return Reply(f"[{rows_text(template, columns)}]".encode(), rows=len(times))


def _premium_index(request: Request) -> Reply:
    if request.text("symbol") is not None:
        return _BINANCE["/fapi/v1/premiumIndex"](request)
    quotes = request.quotes
    rows = [premium_index(quote, request.now_ms) for quote in quotes.values()]
    rows += [
        left_over(instrument.venue_symbol, request.now_ms)
        for instrument in request.instruments
        if instrument.venue_symbol not in quotes
    ]
    return Reply.json(rows, rows=len(rows))


def left_over(symbol: str, now_ms: int) -> dict[str, Any]:
    """Write what is still said of a contract that no longer trades."""
    return {
        "symbol": symbol, "markPrice": "0.43789926", "indexPrice": "0.43789926",
        "estimatedSettlePrice": "0.43789926", "lastFundingRate": "0", "interestRate": "0",
        "nextFundingTime": (now_ms // _EIGHT_HOURS_MS + 1) * _EIGHT_HOURS_MS, "time": now_ms,
    }  # fmt: skip


_BINANCE: Mapping[str, Handler] = {route.path: route.handler for route in binance.WIRE.routes}
_OWN: Mapping[str, Handler] = {
    "/fapi/v1/fundingInfo": _funding_info,
    "/fapi/v1/fundingRate": _funding_rate,
    "/fapi/v1/premiumIndex": _premium_index,
}
_WEIGHT_OF_ALL = {"/fapi/v1/ticker/24hr": 40, "/fapi/v1/ticker/bookTicker": 2}


def _weighs(path: str) -> Cost:
    """Charge one for one symbol; for all of them what the documentation says."""
    every = _WEIGHT_OF_ALL.get(path, 1)
    return lambda request, rows: {"1M": 1 if "symbol" in request.params else every}


WIRE = replace(
    binance.WIRE,
    style=STYLE,
    routes=tuple(
        replace(route, handler=_OWN.get(route.path, route.handler), cost=_weighs(route.path))
        for route in binance.WIRE.routes
    ),
    limits=replace(binance.WIRE.limits, budgets={"1M": Budget(2_400, 60)}),
)
