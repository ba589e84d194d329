"""Deribit: JSON-RPC over GET, ``/api/v2/public``.

Funding is published by the hour: what the hour paid and the sum of the last eight. History ascends
with the start excluded; of more than 744 rows in the window only the newest are given, without a
word. The live rates assume that the present hour's rate stood for eight. Rows of the history carry
the market's price as the index. What the market does not know is ``null``.

Charts are in ``candles.deribit``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import Contract, Instrument, Quote, VenueStyle
from funding_platform.sandbox.markets.series import Settlements, Times, Values
from funding_platform.sandbox.wire.contract import (
    Handler,
    ParameterError,
    Reply,
    Request,
    Wire,
    WireError,
    routes_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.listings.deribit import instrument_row
from funding_platform.sandbox.wire.paging import newest, within

_PAGE = 744
_ENDING = "-PERPETUAL"
_ROLLING_HOURS = 8


def _spell(contract: Contract) -> str:
    inverse = contract.contract_type == "inverse"
    return (contract.base if inverse else f"{contract.base}_{contract.quote}") + _ENDING


def _read(symbol: str) -> Contract | None:
    base, _, quote = symbol.removesuffix(_ENDING).partition("_")
    if not symbol.endswith(_ENDING) or not base or "-" in base + quote:
        return None
    return Contract(base, quote, "linear") if quote else Contract(base, "USD", "inverse")


STYLE = VenueStyle(
    venue="deribit",
    spell=_spell,
    read=_read,
    quotes=("USDC", "USDT"),
    inverse_quote="USD",
    intervals={1: 1.0},
    rate_decimals=16,
    rate_cap=0.01,
    marks_settlements=True,
    contract_usd=10.0,
    accrues=True,
)


def envelope(key: str, content: str, now_ms: int) -> bytes:
    """Write an answer of JSON-RPC around its result or its error."""
    started = now_ms * 1_000
    return (
        f'{{"jsonrpc":"2.0","{key}":{content},"usIn":{started},"usOut":{started + 500},'
        f'"usDiff":500,"testnet":false}}'
    ).encode()


def result(document: object, now_ms: int, *, rows: int) -> Reply:
    """Write a good answer."""
    return Reply(envelope("result", msgspec.json.encode(document).decode(), now_ms), rows=rows)


def _error(code: int, message: str, data: object, now_ms: int, *, status: int = 400) -> Reply:
    document = {"code": code, "message": message, "data": data}
    return Reply(envelope("error", msgspec.json.encode(document).decode(), now_ms), status)


def _bad_parameter(name: str, now_ms: int) -> Reply:
    return _error(-32602, "Invalid params", {"reason": "wrong format", "param": name}, now_ms)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 429:
        return _error(10028, "too_many_requests", None, now_ms, status=429)
    return _error(11094, "internal_server_error", None, now_ms, status=status)


def listed(request: Request) -> Instrument:
    """Find the contract that the request names."""
    instrument = request.instrument(request.required("instrument_name"))
    if instrument is None:
        raise ParameterError("instrument_name")
    return instrument


def _in_currency(instrument: Instrument, currency: str) -> bool:
    return currency in ("any", instrument.settle)


def _futures(request: Request) -> bool:
    """Tell whether the request may see futures; the sandbox has nothing else."""
    return request.text("kind") in (None, "any", "future")


def _instruments(request: Request) -> Reply:
    currency = request.required("currency")
    expired = request.text("expired") == "true"
    rows = [
        instrument_row(instrument, identity, request.now_ms)
        for identity, instrument in enumerate(request.instruments, start=100_000)
        if _in_currency(instrument, currency)
        and _futures(request)
        and instrument.trades_at(request.now_ms) != expired
    ]
    return result(rows, request.now_ms, rows=len(rows))


def _price(quote: Quote, value: float | None) -> float | None:
    return None if value is None else round(value, decimals_of(quote.instrument.tick_size) + 1)


def _product(*factors: float | None) -> float | None:
    known = [factor for factor in factors if factor is not None]
    return float(np.prod(known)) if len(known) == len(factors) else None


def _amount(quote: Quote, base: float | None) -> float | None:
    """Express an amount of the base in the contract's own unit: dollars where it is inverse."""
    inverse = quote.instrument.contract.contract_type == "inverse"
    return _product(base, quote.mark) if inverse else base


def rolling_rate(quote: Quote) -> float:
    """Return the only rate that is published live: what the eight hours up to now paid."""
    return _ROLLING_HOURS * quote.predicted_rate if quote.paid_8h is None else quote.paid_8h


def _day(quote: Quote) -> dict[str, float | None]:
    """Sum up the last 24 hours."""
    high, low = quote.range_24h
    turnover = _product(quote.volume_24h, quote.mark)
    mark, before = quote.mark, quote.price_24h_ago
    moved = None if mark is None or before is None else round(100 * (mark / before - 1), 4)
    return {
        "high": _price(quote, high),
        "low": _price(quote, low),
        "price_change": moved,
        "volume": quote.volume_24h,
        "volume_usd": turnover,
        "volume_notional": turnover,
    }


def _book_summaries(request: Request) -> Reply:
    currency = request.required("currency")
    rows = [
        _summary_row(quote, request.now_ms)
        for quote in request.quotes.values()
        if _in_currency(quote.instrument, currency) and _futures(request)
    ]
    return result(rows, request.now_ms, rows=len(rows))


def _summary_row(quote: Quote, now_ms: int) -> dict[str, Any]:
    base, quoted_in, _ = quote.instrument.contract
    bid, ask = quote.bid, quote.ask
    middle = None if bid is None or ask is None else (bid + ask) / 2
    rolling = rolling_rate(quote)
    return {
        **_day(quote),
        "instrument_name": quote.instrument.venue_symbol,
        "base_currency": base,
        "quote_currency": quoted_in,
        "bid_price": _price(quote, bid),
        "ask_price": _price(quote, ask),
        "mid_price": _price(quote, middle),
        "mark_price": _price(quote, quote.mark),
        "last": _price(quote, quote.mark),
        "estimated_delivery_price": _price(quote, quote.index),
        "open_interest": _amount(quote, quote.open_interest),
        "funding_8h": rolling,
        "current_funding": rolling,
        "creation_timestamp": now_ms,
    }


def _ticker(request: Request) -> Reply:
    quote = request.quotes.get(listed(request).venue_symbol)
    if quote is None:
        raise WireError(_error(13020, "not_found", None, request.now_ms))
    return result(ticker_row(quote, request.now_ms), request.now_ms, rows=1)


def ticker_row(quote: Quote, now_ms: int) -> dict[str, Any]:
    """Write the market of one contract."""
    rolling, index = rolling_rate(quote), _price(quote, quote.index)
    last = _price(quote, quote.mark)
    return {
        "timestamp": now_ms,
        "state": "open",
        "stats": _day(quote),
        "index_price": index,
        "instrument_name": quote.instrument.venue_symbol,
        "last_price": last,
        "settlement_price": _price(quote, quote.price_24h_ago),
        "min_price": _price(quote, _product(quote.mark, 0.985)),
        "max_price": _price(quote, _product(quote.mark, 1.015)),
        "open_interest": _amount(quote, quote.open_interest),
        "mark_price": last,
        "interest_value": _product(quote.premium, 100.0),
        "best_ask_price": _price(quote, quote.ask),
        "best_bid_price": _price(quote, quote.bid),
        "estimated_delivery_price": index,
        "best_ask_amount": _amount(quote, quote.ask_size),
        "best_bid_amount": _amount(quote, quote.bid_size),
        "current_funding": rolling,
        "funding_8h": rolling,
    }


def _window(request: Request) -> tuple[int, int]:
    """Read the first and last millisecond that is asked for; the start itself is left out."""
    edges = (request.integer("start_timestamp"), request.integer("end_timestamp"))
    if edges[0] is None:
        raise ParameterError("start_timestamp")
    if edges[1] is None:
        raise ParameterError("end_timestamp")
    return edges[0] + 1, edges[1]


def _funding_rate_history(request: Request) -> Reply:
    history = request.settlements(listed(request).venue_symbol)
    page = newest(history.times_ms, *_window(request), _PAGE)
    rows = np.arange(page.start, page.stop)
    prices = np.full(len(history.times_ms), np.nan) if history.marks is None else history.marks
    columns = (
        history.times_ms[rows].tolist(),
        _texts(prices[rows]),
        _texts(prices[np.maximum(rows - 1, 0)]),
        _texts(_rolling_sums(history, rows)),
        _texts(history.rates[rows]),
    )
    template = (
        '{"timestamp":%d,"index_price":%s,"prev_index_price":%s,"interest_8h":%s,"interest_1h":%s}'
    )
    text = f"[{rows_text(template, columns)}]"
    return Reply(envelope("result", text, request.now_ms), rows=len(rows))


def _texts(values: Values) -> list[str]:
    return ["null" if value != value else repr(value) for value in values.tolist()]


def _rolling_sums(history: Settlements, rows: Times) -> Values:
    """Compute what the eight hours up to each of the rows paid."""
    total = np.concatenate(([0.0], np.cumsum(history.rates)))
    since = history.times_ms[rows] - _ROLLING_HOURS * HOUR_MS
    first = np.searchsorted(history.times_ms, since, side="right")
    return np.asarray(total[rows + 1] - total[first])


def _funding_rate_value(request: Request) -> Reply:
    history = request.settlements(listed(request).venue_symbol)
    first, end = within(history.times_ms, *_window(request))
    return result(float(history.rates[first:end].sum()), request.now_ms, rows=1)


_HANDLERS: Mapping[str, Handler] = {
    "get_instruments": _instruments,
    "get_book_summary_by_currency": _book_summaries,
    "ticker": _ticker,
    "get_funding_rate_history": _funding_rate_history,
    "get_funding_rate_value": _funding_rate_value,
}

WIRE = Wire(
    style=STYLE,
    routes=routes_of(
        "credits", {f"/api/v2/public/{name}": call for name, call in _HANDLERS.items()}
    ),
    limits=Limits(budgets={"credits": Budget(100, 5)}),
    bad_parameter=_bad_parameter,
    refusal=_refusal,
    not_found=Reply(envelope("error", '{"code":-32601,"message":"Method not found"}', 0), 400),
)
