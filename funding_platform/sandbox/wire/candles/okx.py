"""OKX's candles and open interest through time.

Rows come newest first; ``after`` means older and ``before`` newer, both exclusive. The plain calls
end after 1,440 bars without a word, the ``history`` ones do not. The index goes by the pair, deals
on spot markets too. The open bar has ``confirm`` 0.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.market import Instrument, SpotMarket
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform.sandbox.wire.candles.rows import (
    SIZE_DECIMALS,
    VALUE_DECIMALS,
    bars,
    must_be,
    prices,
    texts,
)
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Route,
    WireError,
    one_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.quotes.okx import contracts_of
from funding_platform.sandbox.wire.venues.okx import UNKNOWN, error

_PLAIN_BARS = 1_440
_STEPS: Final = {"5m": 300_000, "1H": HOUR_MS, "4H": 4 * HOUR_MS, "1D": 24 * HOUR_MS}


def _named(request: Request) -> str:
    symbol = request.text("instId")
    if symbol is None:
        raise WireError(error("50014", "Parameter instId can not be empty."))
    return symbol


def _contract(request: Request) -> Instrument:
    """Find the contract of that name, which the venue forgets when it is delisted."""
    instrument = request.instrument(_named(request))
    if instrument is None or not instrument.trades_at(request.now_ms):
        raise WireError(UNKNOWN)
    return instrument


def _dealt(request: Request) -> Instrument | SpotMarket:
    return request.spot_market(_named(request)) or _contract(request)


def _of_pair(request: Request) -> Instrument:
    """Find a contract of the pair, to stand for its index; a contract's own name is unknown."""
    pair = _named(request)
    for instrument in request.instruments:
        base, quote, _ = instrument.contract
        if pair == f"{base}-{quote}" and instrument.trades_at(request.now_ms):
            return instrument
    raise WireError(UNKNOWN)


def _page(
    request: Request, of: Instrument | SpotMarket, kind: PriceKind, cap: int, *, plain: bool
) -> Candles:
    must_be(request, "bar", "1H")
    newer, older = request.integer("before"), request.integer("after")
    start = None if newer is None else newer + 1
    if plain:
        kept = request.now_ms // HOUR_MS * HOUR_MS - (_PLAIN_BARS - 1) * HOUR_MS
        start = max(kept, start or 0)
    end = None if older is None else older - 1
    span = Span(start, end, request.limit(default=100, cap=cap))
    return bars(request, of, kind, span, decimals_of(of.tick_size)).newest_first


def _reply(template: str, columns: Sequence[Sequence[object]]) -> Reply:
    body = f'{{"code":"0","data":[{rows_text(template, columns)}],"msg":""}}'
    return Reply(body.encode(), rows=len(columns[0]))


def _confirmed(page: Candles, now_ms: int) -> list[int]:
    finished: list[int] = (page.ends_ms <= now_ms).astype(np.int64).tolist()
    return finished


def _deals(request: Request, *, plain: bool) -> Reply:
    of = _dealt(request)
    page = _page(request, of, "trade", 300, plain=plain)
    amounts = page.volumes
    if isinstance(of, Instrument):
        amounts = contracts_of(of, page.volumes, page.turnovers)
    columns = (
        page.opens_ms.tolist(),
        *prices(page, decimals_of(of.tick_size)),
        texts(np.round(amounts, SIZE_DECIMALS), SIZE_DECIMALS),
        texts(page.volumes, SIZE_DECIMALS),
        texts(page.turnovers, VALUE_DECIMALS),
        _confirmed(page, request.now_ms),
    )
    return _reply('["%d","%s","%s","%s","%s","%s","%s","%s","%d"]', columns)


def _quoted(request: Request, of: Instrument, kind: PriceKind, *, plain: bool) -> Reply:
    page = _page(request, of, kind, 100, plain=plain)
    columns = (
        page.opens_ms.tolist(),
        *prices(page, decimals_of(of.tick_size)),
        _confirmed(page, request.now_ms),
    )
    return _reply('["%d","%s","%s","%s","%s","%d"]', columns)


def _open_interest(request: Request) -> Reply:
    """Answer with periods that have ended; a row has the figure of the beginning."""
    instrument = _contract(request)
    step = _STEPS.get(request.text("period") or "5m")
    if step is None:
        raise ParameterError("period")
    end, ended = request.integer("end"), request.now_ms - step
    span = Span(
        request.integer("begin"),
        ended if end is None else min(end, ended),
        request.limit(default=100, cap=100),
    )
    held = request.market.open_interest(request.venue, instrument.venue_symbol, step, span)
    page = held.slice(slice(None, None, -1))
    columns = (
        page.times_ms.tolist(),
        texts(np.round(contracts_of(instrument, page.base, page.value), 8), 8),
        texts(page.base, SIZE_DECIMALS),
        texts(page.value, VALUE_DECIMALS),
    )
    return _reply('["%d","%s","%s","%s"]', columns)


ROUTES: Final = tuple(
    Route(path, handler, cost=one_of(path))
    for path, handler in {
        "/api/v5/market/candles": lambda request: _deals(request, plain=True),
        "/api/v5/market/history-candles": lambda request: _deals(request, plain=False),
        "/api/v5/market/mark-price-candles": lambda request: _quoted(
            request, _contract(request), "mark", plain=True
        ),
        "/api/v5/market/history-mark-price-candles": lambda request: _quoted(
            request, _contract(request), "mark", plain=False
        ),
        "/api/v5/market/index-candles": lambda request: _quoted(
            request, _of_pair(request), "index", plain=True
        ),
        "/api/v5/market/history-index-candles": lambda request: _quoted(
            request, _of_pair(request), "index", plain=False
        ),
        "/api/v5/rubik/stat/contracts/open-interest-history": _open_interest,
    }.items()
)
