"""Lighter: ``/api/v1``.

The rate comes in two units: ``funding-rates`` per eight hours as a number, ``fundings`` in percent
per hour without a sign. History ascends; of more than 750 rows in the window only the newest are
given, without a word. Market ids are positions in the list of contracts. What the market does not
know is left out, or an empty string where the field is text.
"""

from typing import Any

import numpy as np

from funding_platform.core.symbols import canonical_base
from funding_platform.core.units import rate_8h
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import Contract, Instrument, Quote, VenueStyle
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Wire,
    WireError,
    routes_of,
    rows_text,
    thousands,
)
from funding_platform.sandbox.wire.decimals import decimals_of, percent, rounded, trimmed
from funding_platform.sandbox.wire.paging import newest

_PAGE = 750
_RELAYED = ("binance", "bybit", "hyperliquid")

STYLE = VenueStyle(
    venue="lighter",
    spell=lambda contract: contract.base,
    read=lambda symbol: Contract(symbol, "USDC", "linear"),
    quotes=("USDC",),
    intervals={1: 1.0},
    rate_decimals=6,
    rate_cap=0.005,
    multipliers=thousands("1000"),
    marks_settlements=True,
)


def _error(code: int, message: str, *, status: int = 400) -> Reply:
    return Reply.json({"code": code, "message": message}, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 429:
        return _error(23000, "Too Many Requests!", status=429)
    return _error(status, "internal server error", status=status)


def _envelope(name: str, rows: list[dict[str, Any]], **more: Any) -> Reply:
    return Reply.json({"code": 200, name: rows, **more}, rows=len(rows))


def markets_of(request: Request) -> list[tuple[int, Instrument]]:
    """List the contracts that the request asks for, with their ids."""
    wanted = request.integer("market_id")
    markets = list(enumerate(request.instruments))
    if wanted is None:
        return markets
    if not 0 <= wanted < len(markets):
        raise WireError(_error(20001, "invalid param: market_id"))
    return [markets[wanted]]


def _head(identity: int, instrument: Instrument, now_ms: int) -> dict[str, Any]:
    """Write what both lists of markets begin with."""
    step = trimmed(instrument.size_step)
    return {
        "symbol": instrument.venue_symbol,
        "market_id": identity,
        "market_type": "perp",
        "base_asset_id": 0,
        "quote_asset_id": 0,
        "status": "active" if instrument.trades_at(now_ms) else "inactive",
        "taker_fee": "0.0000",
        "is_taker_fee_enabled": True,
        "maker_fee": "0.0000",
        "is_maker_fee_enabled": True,
        "liquidation_fee": "1.0000",
        "min_base_amount": step,
        "min_quote_amount": "10.000000",
        "order_quote_limit": "281474976.710655",
        "supported_size_decimals": decimals_of(instrument.size_step),
        "supported_price_decimals": decimals_of(instrument.tick_size),
        "supported_quote_decimals": 6,
    }


def _order_books(request: Request) -> Reply:
    rows = [_head(identity, i, request.now_ms) for identity, i in markets_of(request)]
    return _envelope("order_books", rows)


def _order_book_details(request: Request) -> Reply:
    quotes = request.quotes
    rows = [
        {
            **_head(identity, instrument, request.now_ms),
            "size_decimals": decimals_of(instrument.size_step),
            "price_decimals": decimals_of(instrument.tick_size),
            **_market(quotes.get(instrument.venue_symbol)),
        }
        for identity, instrument in markets_of(request)
    ]
    return _envelope("order_book_details", rows, spot_order_book_details=[])


def _market(quote: Quote | None) -> dict[str, Any]:
    """Write prices and volume as far as they are known."""
    if quote is None:
        return {}
    places = decimals_of(quote.instrument.tick_size)
    mark, volume = quote.mark, quote.volume_24h
    known = {
        "mark_price": rounded(mark, places) or None,
        "index_price": rounded(quote.index, places) or None,
        "last_trade_price": None if mark is None else round(mark, places),
        "open_interest": quote.open_interest,
        "daily_base_token_volume": volume,
        "daily_quote_token_volume": None if mark is None or volume is None else volume * mark,
    }
    return {name: value for name, value in known.items() if value is not None}


def _funding_rates(request: Request) -> Reply:
    """Answer with the venue's own rates and those of other exchanges for the same coins."""
    quotes = request.quotes
    rows: list[dict[str, Any]] = []
    relayed = {exchange: _rates_elsewhere(request, exchange) for exchange in _RELAYED}
    for identity, instrument in markets_of(request):
        symbol = instrument.venue_symbol
        coin = canonical_base(symbol).base
        rates = {name: rates[coin] for name, rates in relayed.items() if coin in rates}
        if symbol in quotes:
            rates["lighter"] = 8 * quotes[symbol].predicted_rate
        rows += [
            {"market_id": identity, "exchange": exchange, "symbol": symbol, "rate": rate}
            for exchange, rate in rates.items()
        ]
    return _envelope("funding_rates", rows)


def _rates_elsewhere(request: Request, exchange: str) -> dict[str, float]:
    """Return another exchange's rates per eight hours, by coin."""
    return {
        canonical_base(quote.instrument.contract.base).base: rate_8h(
            quote.predicted_rate, float(quote.interval_hours)
        )
        for quote in request.market.quotes(exchange).values()
        if quote.interval_hours and quote.instrument.contract.contract_type == "linear"
    }


def _fundings(request: Request) -> Reply:
    for name in ("market_id", "start_timestamp", "end_timestamp", "count_back"):
        if request.integer(name) is None:
            raise ParameterError(name)
    if request.required("resolution") != "1h":
        raise ParameterError("resolution")
    [(_, instrument)] = markets_of(request)
    history = request.settlements(instrument.venue_symbol)
    start, end = (1_000 * (request.integer(f"{edge}_timestamp") or 0) for edge in ("start", "end"))
    page = history.slice(newest(history.times_ms, start, end, _PAGE))
    sizes = np.abs(page.rates).tolist()
    marks = page.marks.tolist() if page.marks is not None else [None] * len(sizes)
    columns = (
        (page.times_ms // 1_000).tolist(),
        [_paid(size, mark) for size, mark in zip(sizes, marks, strict=True)],
        [percent(size, 4) for size in sizes],
        ["short" if rate < 0 else "long" for rate in page.rates.tolist()],
    )
    template = '{"timestamp":%d,"value":"%s","rate":"%s","direction":"%s"}'
    body = f'{{"code":200,"resolution":"1h","fundings":[{rows_text(template, columns)}]}}'
    return Reply(body.encode(), rows=len(sizes))


def _paid(rate: float, mark: float | None) -> str:
    """Write what one unit of the base paid, in the quote currency."""
    return "" if mark is None or mark != mark else rounded(rate * mark, 8)


WIRE = Wire(
    style=STYLE,
    routes=routes_of(
        "requests",
        {
            "/api/v1/orderBooks": _order_books,
            "/api/v1/orderBookDetails": _order_book_details,
            "/api/v1/funding-rates": _funding_rates,
            "/api/v1/fundings": _fundings,
        },
    ),
    limits=Limits(budgets={"requests": Budget(60, 60)}),
    bad_parameter=lambda name, now_ms: _error(20001, f"invalid param: {name}"),
    refusal=_refusal,
    not_found=_error(404, "not found", status=404),
)
