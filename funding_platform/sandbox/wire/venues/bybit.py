"""Bybit v5: ``/v5/market``, categories ``linear`` and ``inverse``; of ``spot`` the prices.

Errors arrive as HTTP 200 with ``retCode != 0``. History comes newest first, both bounds
inclusive; ``startTime`` alone is an error. ``openInterest`` counts both sides. What the market
does not know is an empty string.

Klines, open interest and spot markets are in ``candles.bybit``.
"""

from collections.abc import Mapping
from typing import Any

from funding_platform.sandbox.limits import Budget, Limits, Usage
from funding_platform.sandbox.markets.market import (
    Contract,
    Instrument,
    Quote,
    SpotStyle,
    VenueStyle,
)
from funding_platform.sandbox.wire.contract import (
    Reply,
    Request,
    Wire,
    WireError,
    routes_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of, rounded, trimmed
from funding_platform.sandbox.wire.listings.bybit import instrument_row, spot_rows
from funding_platform.sandbox.wire.paging import newest


def _spell(contract: Contract) -> str:
    return contract.base + ("PERP" if contract.quote == "USDC" else contract.quote)


def _spot_read(symbol: str) -> tuple[str, str] | None:
    base = symbol.removesuffix("USDT")
    return (base, "USDT") if base and base != symbol else None


def _read(symbol: str) -> Contract | None:
    endings = (("USDT", "USDT"), ("PERP", "USDC"), ("USD", "USD"))
    for ending, quote in endings:
        base = symbol.removesuffix(ending)
        if base and base != symbol:
            return Contract(base, quote, "inverse" if quote == "USD" else "linear")
    return None


STYLE = VenueStyle(
    venue="bybit",
    spell=_spell,
    read=_read,
    quotes=("USDT", "USDC"),
    inverse_quote="USD",
    intervals={8: 0.5, 4: 0.43, 2: 0.03, 1: 0.04},
    rate_decimals=8,
    rate_cap=0.02,
    multipliers={
        "PEPE": "1000PEPE", "SHIB": "SHIB1000", "BONK": "1000BONK", "FLOKI": "1000FLOKI",
        "LUNC": "1000LUNC",
    },
    spot=SpotStyle(quote="USDT", spell=lambda base: f"{base}USDT", read=_spot_read),
)  # fmt: skip


def envelope(result: Mapping[str, Any], now_ms: int, *, rows: int) -> Reply:
    """Write a good answer."""
    document = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms}
    return Reply.json(document, rows=rows)


def _error(code: int, message: str, now_ms: int, *, status: int = 200) -> Reply:
    document = {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": now_ms}
    return Reply.json(document, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 403:
        return Reply.text("access too frequent", status=403)
    if status == 429:
        return _error(10006, "Too many visits!", now_ms, status=status)
    return _error(10016, "Server error.", now_ms, status=status)


def invalid(request: Request, what: str) -> WireError:
    """Make the refusal of a parameter."""
    return WireError(_error(10001, f"params error: {what}", request.now_ms))


def category_of(request: Request) -> str:
    """Read the kind of perpetuals that the request is about."""
    category = request.required("category")
    if category not in ("linear", "inverse"):
        raise invalid(request, "Category is invalid")
    return category


def listed(request: Request, category: str) -> Instrument:
    """Find the contract that the request names, within its category."""
    instrument = request.instrument(request.required("symbol"))
    if instrument is None or instrument.contract.contract_type != category:
        raise invalid(request, "Symbol Is Invalid")
    return instrument


def limit_of(request: Request, *, default: int, cap: int) -> int:
    """Read the page size; one out of range is refused."""
    limit = request.integer("limit")
    if limit is not None and not 1 <= limit <= cap:
        raise invalid(request, f"limit must be between 1 and {cap}")
    return limit or default


def offset_of(request: Request) -> int:
    """Find where the page starts: the cursor names it, encoded once or twice."""
    cursor = (request.text("cursor") or "first%3D0").replace("%3D", "=")
    name, _, digits = cursor.partition("=")
    if name != "first" or not digits.isdecimal():
        raise invalid(request, "cursor is invalid")
    return int(digits)


def _page(rows: list[Any], request: Request, *, default: int, cap: int) -> tuple[list[Any], str]:
    """Return one page of the rows and the cursor of the next, empty at the end."""
    first, limit = offset_of(request), limit_of(request, default=default, cap=cap)
    more = first + limit < len(rows)
    return rows[first : first + limit], f"first%3D{first + limit}" if more else ""


def _spot_info(request: Request) -> Reply:
    symbol = request.text("symbol")
    rows = spot_rows([m for m in request.spot_markets if symbol in (None, m.venue_symbol)])
    if symbol is not None and not rows:
        raise invalid(request, "Symbol Is Invalid")
    return envelope({"category": "spot", "list": rows}, request.now_ms, rows=len(rows))


def _instruments_info(request: Request) -> Reply:
    if request.text("category") == "spot":
        return _spot_info(request)
    category = category_of(request)
    symbol, status = request.text("symbol"), request.text("status")
    if symbol is not None:
        listed(request, category)
    rows = [
        instrument_row(instrument, identity, request.now_ms)
        for identity, instrument in enumerate(request.instruments, start=1)
        if instrument.contract.contract_type == category
        and symbol in (None, instrument.venue_symbol)
        and instrument.trades_at(request.now_ms) == (status in (None, "Trading"))
    ]
    page, cursor = _page(rows, request, default=500, cap=1_000)
    result = {"category": category, "list": page, "nextPageCursor": cursor}
    return envelope(result, request.now_ms, rows=len(page))


def _tickers(request: Request) -> Reply:
    category = category_of(request)
    wanted = listed(request, category).venue_symbol if request.text("symbol") else None
    rows = [
        ticker_row(quote)
        for symbol, quote in request.quotes.items()
        if quote.instrument.contract.contract_type == category and wanted in (None, symbol)
    ]
    return envelope({"category": category, "list": rows}, request.now_ms, rows=len(rows))


_OF_DATED_AND_NEW = (
    "predictedDeliveryPrice", "basisRate", "basisRateYear", "basis", "deliveryFeeRate",
    "preOpenPrice", "preQty", "curPreListingPhase",
)  # fmt: skip
"""Fields that only dated and newly listed contracts fill."""


def _product(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other


def ticker_row(quote: Quote) -> dict[str, Any]:
    """Write a contract as its ticker shows it, all values as text."""
    instrument = quote.instrument
    tick, step = decimals_of(instrument.tick_size), decimals_of(instrument.size_step)
    mark, before = quote.mark, quote.price_24h_ago
    change = None if mark is None or before is None else mark / before - 1
    high, low = quote.range_24h
    size, turnover = quote.open_interest, _product(quote.volume_24h, mark)
    value = _product(size, mark)
    if instrument.contract.contract_type == "inverse":
        # Inverse contracts count in quote currency and are worth coins.
        size, value = value, size
        volume, turnover = turnover, quote.volume_24h
    else:
        volume = quote.volume_24h
    both = [None if one_side is None else 2 * one_side for one_side in (size, value)]
    return {
        **dict.fromkeys(_OF_DATED_AND_NEW, ""),
        "symbol": instrument.venue_symbol,
        "lastPrice": rounded(mark, tick),
        "indexPrice": rounded(quote.index, tick),
        "markPrice": rounded(mark, tick),
        "prevPrice24h": rounded(before, tick),
        "price24hPcnt": rounded(change, 6),
        "highPrice24h": rounded(high, tick),
        "lowPrice24h": rounded(low, tick),
        "prevPrice1h": rounded(before, tick),
        "openInterest": rounded(both[0], step),
        "openInterestValue": rounded(both[1], 2),
        "singleOpenInterest": rounded(size, step),
        "singleOpenInterestValue": rounded(value, 2),
        "turnover24h": rounded(turnover, 4),
        "volume24h": rounded(volume, 4),
        "fundingRate": trimmed(quote.predicted_rate),
        "nextFundingTime": str(quote.next_funding_ms or 0),
        "deliveryTime": "0",
        "ask1Size": rounded(quote.ask_size, 3),
        "bid1Price": rounded(quote.bid, tick),
        "ask1Price": rounded(quote.ask, tick),
        "bid1Size": rounded(quote.bid_size, 3),
        "fundingIntervalHour": "" if quote.interval_hours is None else str(quote.interval_hours),
        "fundingCap": trimmed(instrument.rate_cap),
    }


def _funding_history(request: Request) -> Reply:
    category = category_of(request)
    symbol = listed(request, category).venue_symbol
    start, end = request.integer("startTime"), request.integer("endTime")
    limit = limit_of(request, default=200, cap=200)
    if start is not None and end is None:
        raise invalid(request, "startTime needs endTime")
    history = request.settlements(symbol)
    page = history.slice(newest(history.times_ms, start, end, limit)).slice(slice(None, None, -1))
    template = f'{{"symbol":"{symbol}","fundingRate":"%s","fundingRateTimestamp":"%d"}}'
    columns = (map(trimmed, page.rates.tolist()), page.times_ms.tolist())
    body = (
        f'{{"retCode":0,"retMsg":"OK","result":{{"category":"{category}","list":['
        f'{rows_text(template, columns)}]}},"retExtInfo":{{}},"time":{request.now_ms}}}'
    )
    return Reply(body.encode(), rows=len(page.times_ms))


def _time(request: Request) -> Reply:
    second = request.now_ms // 1_000
    return envelope(
        {"timeSecond": str(second), "timeNano": str(request.now_ms * 1_000_000)},
        request.now_ms,
        rows=0,
    )


def _headers(usages: list[Usage]) -> dict[str, str]:
    return {
        name: value
        for usage in usages
        for name, value in (
            ("X-Bapi-Limit", str(usage.budget.limit)),
            ("X-Bapi-Limit-Status", str(usage.budget.limit - usage.used)),
            ("X-Bapi-Limit-Reset-Timestamp", str(usage.resets_at_ms)),
        )
    }


WIRE = Wire(
    style=STYLE,
    routes=routes_of(
        "ip",
        {
            "/v5/market/time": _time,
            "/v5/market/instruments-info": _instruments_info,
            "/v5/market/tickers": _tickers,
            "/v5/market/funding/history": _funding_history,
        },
    ),
    limits=Limits(
        budgets={"ip": Budget(600, 5)},
        headers=_headers,
        ban_status=403,
        ban_after=0,
        ban_seconds=600,
    ),
    bad_parameter=lambda name, now_ms: _error(10001, f"params error: {name} invalid", now_ms),
    refusal=_refusal,
    not_found=Reply.text("", status=404),
)
