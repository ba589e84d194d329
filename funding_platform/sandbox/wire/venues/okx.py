"""OKX v5 swaps and X-Perps: ``/api/v5``.

Errors arrive as HTTP 200 with ``code != "0"``. History comes newest first; ``after`` means older
and ``before`` newer, both exclusive. The venue keeps about three months; the sandbox serves all it
has unless retention is enforced, so that a replayed history can be collected in full. What the
market does not know is an empty string, or a row left out of a bulk list.

Candles and open interest through time are in ``candles.okx``.
"""

from typing import Any

from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import (
    Contract,
    Quote,
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
from funding_platform.sandbox.wire.decimals import fixed_all
from funding_platform.sandbox.wire.listings.okx import X_PERP, instrument_row, kind_of, spot_row
from funding_platform.sandbox.wire.paging import newest
from funding_platform.sandbox.wire.quotes.okx import (
    RATE_DECIMALS,
    funding_row,
    index_rows,
    interest_row,
    mark_row,
    ticker_row,
)

_SUFFIX = "-SWAP"


def _read_spot(symbol: str) -> tuple[str, str] | None:
    base, _, quote = symbol.partition("-")
    return (base, quote) if base and quote and "-" not in quote else None


def _read(symbol: str) -> Contract | None:
    if X_PERP in symbol:  # margined in dollars, for all that the quote looks like that of inverse
        base, _, quote = symbol.partition(X_PERP)[0].partition("-")
        return Contract(base, quote, "linear") if base and quote else None
    base, _, quote = symbol.removesuffix(_SUFFIX).partition("-")
    if not symbol.endswith(_SUFFIX) or not base or not quote or "-" in quote:
        return None
    return Contract(base, quote, "inverse" if quote == "USD" else "linear")


STYLE = VenueStyle(
    venue="okx",
    spell=lambda contract: f"{contract.base}-{contract.quote}{_SUFFIX}",
    read=_read,
    quotes=("USDT", "USDC"),
    inverse_quote="USD",
    intervals={8: 0.6, 4: 0.3, 2: 0.06, 1: 0.04},
    rate_decimals=RATE_DECIMALS,
    rate_cap=0.015,
    contract_usd=100.0,
    spot=SpotStyle(quote="USDT", spell=lambda base: f"{base}-USDT", read=_read_spot),
)


def envelope(data: list[Any]) -> Reply:
    """Write a good answer."""
    return Reply.json({"code": "0", "data": data, "msg": ""}, rows=len(data))


def error(code: str, message: str, *, status: int = 200) -> Reply:
    """Write a refusal in the venue's words."""
    return Reply.json({"code": code, "data": [], "msg": message}, status=status)


def _refusal(status: int, now_ms: int) -> Reply:
    if status == 429:
        return error("50011", "Too Many Requests", status=429)
    return error("50001", "Service temporarily unavailable. Please try again later", status=status)


UNKNOWN = error("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")


def _asked_kind(request: Request) -> str:
    """Read the kind of instruments asked for; the sandbox has perpetuals alone."""
    kind = request.text("instType")
    if kind is None:
        raise WireError(error("50014", "Parameter instType can not be empty."))
    if kind not in ("SWAP", "FUTURES"):
        raise WireError(error("51000", "Parameter instType error"))
    return kind


def _wanted(request: Request) -> list[Quote]:
    """List the quotes asked for: one instrument, or all of a kind, if the request says one."""
    symbol, kind = request.text("instId"), request.text("instType")
    if symbol is None:
        return [q for q in request.quotes.values() if kind in (None, kind_of(q.instrument))]
    quote = request.quotes.get(symbol)
    if quote is None:
        raise WireError(UNKNOWN)
    return [quote]


def _spot_instruments(request: Request) -> Reply:
    wanted = request.text("instId")
    markets = [m for m in request.spot_markets if wanted in (None, m.venue_symbol)]
    if wanted is not None and not markets:
        raise WireError(UNKNOWN)
    return envelope([spot_row(m, number) for number, m in enumerate(markets, start=5_000)])


def _instruments(request: Request) -> Reply:
    if request.text("instType") == "SPOT":
        return _spot_instruments(request)
    kind, wanted = _asked_kind(request), request.text("instId")
    rows = [
        instrument_row(instrument, identity)
        for identity, instrument in enumerate(request.instruments, start=10_000)
        if instrument.trades_at(request.now_ms)
        and wanted in (None, instrument.venue_symbol)
        and kind_of(instrument) == kind
    ]
    if wanted is not None and not rows:
        raise WireError(UNKNOWN)
    return envelope(rows)


def _funding_rate(request: Request) -> Reply:
    symbol = request.text("instId")
    if symbol is None:
        raise WireError(error("50014", "Parameter instId can not be empty."))
    quotes = list(request.quotes.values()) if symbol == "ANY" else _wanted(request)
    return envelope([funding_row(quote, request.now_ms) for quote in quotes])


def _funding_rate_history(request: Request) -> Reply:
    symbol = request.text("instId")
    if symbol is None:
        raise WireError(error("50014", "Parameter instId can not be empty."))
    instrument = request.instrument(symbol)
    if instrument is None or not instrument.trades_at(request.now_ms):
        raise WireError(UNKNOWN)
    newer, older = request.integer("before"), request.integer("after")
    history = request.settlements(symbol)
    rows = newest(
        history.times_ms,
        None if newer is None else newer + 1,
        None if older is None else older - 1,
        request.limit(default=100, cap=100),
    )
    page = history.slice(rows).slice(slice(None, None, -1))
    template = (
        '{"formulaType":"withRate","fundingRate":"%s","fundingTime":"%d",'
        f'"instId":"{symbol}","instType":"{kind_of(instrument)}","method":"current_period","realizedRate":"%s"}}'
    )
    rates = fixed_all(page.rates.tolist(), RATE_DECIMALS)
    text = rows_text(template, (rates, page.times_ms.tolist(), rates))
    body = f'{{"code":"0","data":[{text}],"msg":""}}'
    return Reply(body.encode(), rows=len(rates))


def _mark_price(request: Request) -> Reply:
    _asked_kind(request)
    rows = [mark_row(quote, request.now_ms) for quote in _wanted(request)]
    return envelope([row for row in rows if row is not None])


def _open_interest(request: Request) -> Reply:
    _asked_kind(request)
    rows = [interest_row(quote, request.now_ms) for quote in _wanted(request)]
    return envelope([row for row in rows if row is not None])


def _tickers(request: Request) -> Reply:
    _asked_kind(request)
    return envelope([ticker_row(quote, request.now_ms) for quote in _wanted(request)])


def _ticker(request: Request) -> Reply:
    if request.text("instId") is None:
        raise WireError(error("50014", "Parameter instId can not be empty."))
    return envelope([ticker_row(quote, request.now_ms) for quote in _wanted(request)])


def _index_tickers(request: Request) -> Reply:
    """Answer with index prices by pair, one row however many contracts follow it."""
    pair, currency = request.text("instId"), request.text("quoteCcy")
    if pair is None and currency is None:
        raise WireError(error("50014", "Parameter quoteCcy and instId can not both be empty."))
    rows = {
        name: row
        for name, row in index_rows(request).items()
        if pair in (None, name) and currency in (None, name.partition("-")[2])
    }
    if pair is not None and not rows:
        raise WireError(UNKNOWN)
    return envelope(list(rows.values()))


_BUDGETS = {
    "/api/v5/public/time": 10,
    "/api/v5/public/instruments": 20,
    "/api/v5/public/funding-rate": 10,
    "/api/v5/public/funding-rate-history": 10,
    "/api/v5/public/mark-price": 10,
    "/api/v5/public/open-interest": 20,
    "/api/v5/market/tickers": 20,
    "/api/v5/market/ticker": 20,
    "/api/v5/market/index-tickers": 20,
    "/api/v5/market/books": 40,
    "/api/v5/market/candles": 40,
    "/api/v5/market/history-candles": 20,
    "/api/v5/market/mark-price-candles": 20,
    "/api/v5/market/history-mark-price-candles": 10,
    "/api/v5/market/index-candles": 20,
    "/api/v5/market/history-index-candles": 10,
    "/api/v5/rubik/stat/contracts/open-interest-history": 10,
}
"""Requests per two seconds and client, each endpoint on its own."""

_HANDLERS: dict[str, Handler] = {
    "/api/v5/public/time": lambda request: envelope([{"ts": str(request.now_ms)}]),
    "/api/v5/public/instruments": _instruments,
    "/api/v5/public/funding-rate": _funding_rate,
    "/api/v5/public/funding-rate-history": _funding_rate_history,
    "/api/v5/public/mark-price": _mark_price,
    "/api/v5/public/open-interest": _open_interest,
    "/api/v5/market/tickers": _tickers,
    "/api/v5/market/ticker": _ticker,
    "/api/v5/market/index-tickers": _index_tickers,
}

WIRE = Wire(
    style=STYLE,
    routes=tuple(Route(path, call, cost=one_of(path)) for path, call in _HANDLERS.items()),
    limits=Limits(budgets={path: Budget(limit, 2) for path, limit in _BUDGETS.items()}),
    bad_parameter=lambda name, now_ms: error("51000", f"Parameter {name} error"),
    refusal=_refusal,
    not_found=Reply.json({"code": "404", "data": [], "msg": "Not Found"}, status=404),
    retention_days=92,
)
