"""Extended: ``/api/v1/info``.

A client that does not name itself in ``User-Agent`` gets a bare 403. History comes newest first,
some seconds late, both bounds inclusive; a page that is cut short carries a cursor to the rows
before it. Delisted contracts stay in the list. What the market does not know is an empty string.
"""

from typing import Any

from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import Contract, Instrument, Quote, VenueStyle
from funding_platform.sandbox.wire.contract import (
    Handler,
    ParameterError,
    Reply,
    Request,
    Wire,
    WireError,
    routes_of,
    rows_text,
    thousands,
)
from funding_platform.sandbox.wire.decimals import decimals_of, fixed_all, rounded, trimmed
from funding_platform.sandbox.wire.paging import newest

_PAGE = 1_000
_SUFFIX = "-USD"
_RATE_DECIMALS = 6


def _read(symbol: str) -> Contract | None:
    base = symbol.removesuffix(_SUFFIX)
    return Contract(base, "USD", "linear") if base and base != symbol else None


STYLE = VenueStyle(
    venue="extended",
    spell=lambda contract: contract.base + _SUFFIX,
    read=_read,
    quotes=("USD",),
    intervals={1: 1.0},
    rate_decimals=_RATE_DECIMALS,
    rate_cap=0.0025,
    multipliers=thousands("1000"),
    jitter_ms=(400, 2_500),
)


def envelope(data: Any, *, rows: int) -> Reply:
    """Write a good answer."""
    return Reply.json({"status": "OK", "data": data}, rows=rows)


def error(code: int, message: str, *, status: int = 400) -> Reply:
    """Write a refusal in the venue's words."""
    body = {"code": code, "message": message, "debugInfo": ""}
    return Reply.json({"status": "ERROR", "error": body}, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 403:
        return _FORBIDDEN
    if status == 429:
        return error(1200, "Too many requests", status=429)
    return error(1006, "Application error", status=status)


_FORBIDDEN = Reply.text("Forbidden", status=403)


def for_named_clients(handler: Handler) -> Handler:
    """Make the handler refuse clients that do not say who they are."""

    def handle(request: Request) -> Reply:
        if not request.headers.get("user-agent"):
            raise WireError(_FORBIDDEN)
        return handler(request)

    return handle


def listed(request: Request) -> Instrument:
    """Find the contract that the request names."""
    instrument = request.instrument(request.required("market"))
    if instrument is None:
        raise WireError(error(1001, "Market not found", status=404))
    return instrument


_SAME_FOR_ALL = {
    "type": "PERPETUAL", "category": "Crypto", "subCategory": "L1", "assetPrecision": 5,
    "collateralAssetName": "USD", "collateralAssetPrecision": 6, "description": "", "isRfq": False,
    "isOffHours": False, "tradingHours": "CONTINUOUS", "visibleOnUi": True,
    "referenceMarket": "null",
}  # fmt: skip
_SAME_RULES = {
    "maxMarketOrderValue": "3000000", "maxLimitOrderValue": "15000000",
    "maxPositionValue": "60000000", "maxLeverage": "50.00", "openInterestLimit": "0",
    "maxNumOrders": "200", "limitPriceCap": "0.05", "limitPriceFloor": "0.05",
    "uPnlWithdrawable": True, "postWithdrawalMarginFactor": "0.1",
}  # fmt: skip


def _markets(request: Request) -> Reply:
    instruments = [listed(request)] if request.text("market") else request.instruments
    quotes = request.quotes
    rows = [_row(i, quotes.get(i.venue_symbol), request.now_ms) for i in instruments]
    return envelope(rows, rows=len(rows))


def _row(instrument: Instrument, quote: Quote | None, now_ms: int) -> dict[str, Any]:
    base, step = instrument.contract.base, trimmed(instrument.size_step)
    trades = instrument.trades_at(now_ms)
    return {
        **_SAME_FOR_ALL,
        "name": instrument.venue_symbol,
        "uiName": instrument.venue_symbol,
        "assetName": base,
        "active": trades,
        "status": "ACTIVE" if trades else "DELISTED",
        "marketStats": _stats(quote),
        "tradingConfig": {
            **_SAME_RULES,
            "minOrderSize": step,
            "minOrderSizeChange": step,
            "minPriceChange": trimmed(instrument.tick_size),
            "hourlyFundingRateCap": trimmed(100 * instrument.rate_cap),
        },
        "createdAt": instrument.listed_ms,
    }


_NO_STATS = {
    **dict.fromkeys(
        ("dailyVolume", "dailyVolumeBase", "dailyPriceChange", "dailyPriceChangePercentage",
         "dailyLow", "dailyHigh", "lastPrice", "askPrice", "bidPrice", "markPrice", "indexPrice",
         "fundingRate", "openInterest", "openInterestBase"), "0"),
    "nextFundingRate": 0,
}  # fmt: skip
"""Of a contract that no longer trades."""


def _stats(quote: Quote | None) -> dict[str, Any]:
    if quote is None:
        return _NO_STATS
    places = decimals_of(quote.instrument.tick_size)
    mark, before = quote.mark, quote.price_24h_ago
    high, low = quote.range_24h
    moved = None if mark is None or before is None else mark - before
    return {
        "dailyVolume": rounded(_product(quote.volume_24h, mark), 6),
        "dailyVolumeBase": rounded(quote.volume_24h, 5),
        "dailyPriceChange": rounded(moved, places),
        "dailyPriceChangePercentage": rounded(moved and before and moved / before, 4),
        "dailyLow": rounded(low, places),
        "dailyHigh": rounded(high, places),
        "lastPrice": rounded(mark, places),
        "askPrice": rounded(quote.ask, places),
        "bidPrice": rounded(quote.bid, places),
        "markPrice": rounded(mark, 12),
        "indexPrice": rounded(quote.index, 12),
        "fundingRate": trimmed(quote.predicted_rate),
        "nextFundingRate": quote.next_funding_ms or 0,
        "openInterest": rounded(_product(quote.open_interest, mark), 6),
        "openInterestBase": rounded(quote.open_interest, 5),
    }


def _product(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other


def _market_stats(request: Request) -> Reply:
    return envelope(_stats(request.quotes.get(listed(request).venue_symbol)), rows=1)


def window_of(request: Request) -> tuple[int, int]:
    """Read both edges, which must be there."""
    start, end = request.integer("startTime"), request.integer("endTime")
    if start is None or end is None:
        raise ParameterError("startTime" if start is None else "endTime")
    return start, end


def _funding(request: Request) -> Reply:
    symbol = listed(request).venue_symbol
    start, end = window_of(request)
    cursor = request.integer("cursor")
    end = end if cursor is None else min(end, cursor - 1)
    history, limit = request.settlements(symbol), request.limit(default=_PAGE, cap=_PAGE)
    page = history.slice(newest(history.times_ms, start, end, limit)).slice(slice(None, None, -1))
    times = page.times_ms.tolist()
    template = f'{{"m":"{symbol}","f":"%s","T":%d}}'
    text = rows_text(template, (fixed_all(page.rates.tolist(), _RATE_DECIMALS), times))
    more = f',"pagination":{{"cursor":{times[-1]},"count":{limit}}}' if len(times) == limit else ""
    return Reply(f'{{"status":"OK","data":[{text}]{more}}}'.encode(), rows=len(times))


_HANDLERS: dict[str, Handler] = {
    "/api/v1/info/markets": _markets,
    "/api/v1/info/markets/{market}/stats": _market_stats,
    "/api/v1/info/{market}/funding": _funding,
}

WIRE = Wire(
    style=STYLE,
    routes=routes_of("ip", {path: for_named_clients(call) for path, call in _HANDLERS.items()}),
    limits=Limits(budgets={"ip": Budget(1_000, 60)}),
    bad_parameter=lambda name, now_ms: error(1_003, f"{name} is missing or malformed"),
    refusal=_refusal,
    not_found=Reply.text("", status=404),
)
