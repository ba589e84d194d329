"""Backpack: ``/api/v1``, bare arrays.

History comes newest first and is paged by offset; its first row is the interval still open. Times
in it are UTC without a zone. Closed contracts stay in the list of markets only. What the market
does not know is an empty string, or a row left out.
"""

from collections.abc import Mapping
from typing import Any

from funding_platform.core.time_grid import HOUR_MS, from_ms
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import (
    Contract,
    Instrument,
    Quote,
    SpotMarket,
    SpotStyle,
    VenueStyle,
)
from funding_platform.sandbox.wire.contract import (
    Handler,
    Reply,
    Request,
    Route,
    Wire,
    WireError,
    one_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of, rounded, trimmed

_SUFFIX = "_PERP"


def _read(symbol: str) -> Contract | None:
    base, _, quote = symbol.removesuffix(_SUFFIX).rpartition("_")
    return Contract(base, quote, "linear") if base and symbol.endswith(_SUFFIX) else None


def _read_spot(symbol: str) -> tuple[str, str] | None:
    base, _, quote = symbol.rpartition("_")
    return (base, quote) if base and quote != "PERP" else None


STYLE = VenueStyle(
    venue="backpack",
    spell=lambda contract: f"{contract.base}_{contract.quote}{_SUFFIX}",
    read=_read,
    quotes=("USDC",),
    intervals={1: 1.0},
    rate_decimals=9,
    rate_cap=0.01,
    multipliers={coin: f"k{coin}" for coin in ("PEPE", "SHIB", "BONK")},
    spot=SpotStyle(quote="USDC", spell=lambda base: f"{base}_USDC", read=_read_spot),
)


def error(code: str, message: str, *, status: int = 400) -> Reply:
    """Write a refusal in the venue's words."""
    return Reply.json({"code": code, "message": message}, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 429:
        return error("TOO_MANY_REQUESTS", "Rate limit exceeded", status=429)
    return error("INTERNAL_ERROR", "Internal server error", status=status)


UNKNOWN = error("INVALID_SYMBOL", "Invalid symbol")


def listed(request: Request) -> Instrument:
    """Find the contract that the request names."""
    instrument = request.instrument(request.required("symbol"))
    if instrument is None:
        raise WireError(UNKNOWN)
    return instrument


def _wanted(request: Request) -> list[Quote]:
    """List the quotes that the request asks for: of one symbol, or all where none is named."""
    if request.text("symbol") is None:
        return list(request.quotes.values())
    quote = request.quotes.get(listed(request).venue_symbol)
    return [] if quote is None else [quote]


_SAME_PRICE_RULES = {
    "borrowEntryFeeMaxMultiplier": None, "borrowEntryFeeMinMultiplier": None,
    "discoveryBoundBand": {"maxMultiplier": "1.05", "minMultiplier": "0.95"},
    "maxImpactMultiplier": "1.01", "maxMultiplier": "2", "maxPrice": "1000000",
    "maxPriceUpdateMultiplier": "1.0025",
    "meanMarkPriceBand": {"maxMultiplier": "1.04", "minMultiplier": "0.96"},
    "meanPremiumBand": {"tolerancePct": "0.05"}, "minImpactMultiplier": "0.99",
    "minMultiplier": "0.25", "minPriceUpdateMultiplier": "0.9975",
}  # fmt: skip
_SAME_FOR_ALL = {
    "imfFunction": {"base": "0.02", "factor": "0.00003", "type": "sqrt"},
    "mmfFunction": {"base": "0.01", "factor": "0.00002", "type": "sqrt"},
    "marketType": "PERP", "openInterestLimit": "4000", "positionLimitWeight": "1",
    "rwaMarketType": None, "visible": True,
}  # fmt: skip


def _markets(request: Request) -> Reply:
    rows = [_spot_market(market) for market in request.spot_markets]
    rows += [_market(instrument, request.now_ms) for instrument in request.instruments]
    return Reply.json(rows, rows=len(rows))


def _market(instrument: Instrument, now_ms: int) -> dict[str, Any]:
    tick, step = trimmed(instrument.tick_size), trimmed(instrument.size_step)
    hours, cap = instrument.interval_at(now_ms), trimmed(10_000 * instrument.rate_cap)
    return {
        **_SAME_FOR_ALL,
        "symbol": instrument.venue_symbol,
        "baseSymbol": instrument.contract.base,
        "quoteSymbol": instrument.contract.quote,
        "orderBookState": "Open" if instrument.trades_at(now_ms) else "Closed",
        "createdAt": _zoneless(instrument.listed_ms),
        "filters": {
            "price": {**_SAME_PRICE_RULES, "minPrice": tick, "tickSize": tick},
            "quantity": {"maxQuantity": None, "minQuantity": step, "stepSize": step},
        },
        "fundingInterval": None if hours is None else hours * HOUR_MS,
        "fundingRateUpperBound": cap,
        "fundingRateLowerBound": f"-{cap}",
    }


_OF_SPOT = {
    "imfFunction": None, "mmfFunction": None, "marketType": "SPOT", "openInterestLimit": "0",
    "positionLimitWeight": None, "rwaMarketType": None, "visible": True, "fundingInterval": None,
    "fundingRateUpperBound": None, "fundingRateLowerBound": None, "orderBookState": "Open",
}  # fmt: skip


def _spot_market(market: SpotMarket) -> dict[str, Any]:
    tick, step = trimmed(market.tick_size), trimmed(market.size_step)
    return {
        **_OF_SPOT,
        "symbol": market.venue_symbol,
        "baseSymbol": market.base,
        "quoteSymbol": market.quote,
        "createdAt": _zoneless(market.listed_ms),
        "filters": {
            "price": {**_SAME_PRICE_RULES, "minPrice": tick, "tickSize": tick},
            "quantity": {"maxQuantity": None, "minQuantity": step, "stepSize": step},
        },
    }


def _zoneless(time_ms: int) -> str:
    """Spell a time as the venue writes it: UTC, and no word of it."""
    return from_ms(time_ms).replace(tzinfo=None).isoformat()


def _mark_prices(request: Request) -> Reply:
    rows = [mark_row(quote) for quote in _wanted(request)]
    return Reply.json(rows, rows=len(rows))


def mark_row(quote: Quote) -> dict[str, Any]:
    """Write the prices of a contract and its rate."""
    return {
        "fundingRate": trimmed(quote.predicted_rate),
        "indexPrice": rounded(quote.index, 8),
        "markPrice": rounded(quote.mark, decimals_of(quote.instrument.tick_size)),
        "nextFundingTimestamp": quote.next_funding_ms or 0,
        "symbol": quote.instrument.venue_symbol,
    }


def _open_interest(request: Request) -> Reply:
    rows = [
        {
            "openInterest": held(quote),
            "symbol": quote.instrument.venue_symbol,
            "timestamp": request.now_ms,
        }
        for quote in _wanted(request)
        if quote.open_interest is not None
    ]
    return Reply.json(rows, rows=len(rows))


def held(quote: Quote) -> str:
    """Write the open interest."""
    return rounded(quote.open_interest, decimals_of(quote.instrument.size_step))


def _tickers(request: Request) -> Reply:
    rows = [row for quote in _wanted(request) if (row := ticker_row(quote)) is not None]
    return Reply.json(rows, rows=len(rows))


def ticker_row(quote: Quote) -> dict[str, Any] | None:
    """Write what was traded within a day; None where the market does not know it all."""
    last, before, volume = quote.mark, quote.price_24h_ago, quote.volume_24h
    if last is None or before is None or volume is None:
        return None
    places = decimals_of(quote.instrument.tick_size)
    return {
        "firstPrice": rounded(before, places),
        "high": rounded(max(last, before), places),
        "lastPrice": rounded(last, places),
        "low": rounded(min(last, before), places),
        "priceChange": rounded(last - before, places),
        "priceChangePercent": rounded(last / before - 1, 6),
        "quoteVolume": rounded(volume * last, 6),
        "symbol": quote.instrument.venue_symbol,
        "trades": str(int(volume) + 1),
        "volume": rounded(volume, 5),
    }


def _funding_rates(request: Request) -> Reply:
    symbol = listed(request).venue_symbol
    history, quote = request.settlements(symbol), request.quotes.get(symbol)
    open_now = [] if quote is None or quote.next_funding_ms is None else [quote.next_funding_ms]
    offset, limit = max(0, request.integer("offset") or 0), request.limit(default=100, cap=1_000)
    # Row 0 is the open interval, where there is one; the history follows from its end backwards.
    passed_over = max(0, offset - len(open_now))
    shown = open_now[offset : offset + limit]
    end = max(0, len(history.times_ms) - passed_over)
    page = history.slice(slice(max(0, end - limit + len(shown)), end)).slice(slice(None, None, -1))
    rates = [quote.predicted_rate for _ in shown] if quote else []
    columns = (
        map(trimmed, [*rates, *page.rates.tolist()]),
        map(_zoneless, [*shown, *page.times_ms.tolist()]),
    )
    template = f'{{"fundingRate":"%s","intervalEndTimestamp":"%s","symbol":"{symbol}"}}'
    rows = len(shown) + len(page.times_ms)
    return Reply(f"[{rows_text(template, columns)}]".encode(), rows=rows)


_HANDLERS: Mapping[str, tuple[Handler, str]] = {
    "/api/v1/markets": (_markets, "requests"),
    "/api/v1/markPrices": (_mark_prices, "requests"),
    "/api/v1/openInterest": (_open_interest, "requests"),
    "/api/v1/tickers": (_tickers, "requests"),
    "/api/v1/fundingRates": (_funding_rates, "history"),
}

WIRE = Wire(
    style=STYLE,
    routes=tuple(
        Route(path, call, cost=one_of(budget)) for path, (call, budget) in _HANDLERS.items()
    ),
    limits=Limits(budgets={"requests": Budget(2_000, 60), "history": Budget(30, 60)}),
    bad_parameter=lambda name, now_ms: error(
        "INVALID_CLIENT_REQUEST", f"{name} is missing or malformed"
    ),
    refusal=_refusal,
    not_found=error("RESOURCE_NOT_FOUND", "Not found", status=404),
)
